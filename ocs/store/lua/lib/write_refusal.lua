-- Purpose: answer with a reason. What expired on the way is written; a refusal that depends on the
--   state of what the call names is recorded, so that a resend gets the same answer; if the account
--   has stored too many of late, it is another refusal, and that one is not recorded.
-- Include: count_refusal, refuse, write_account, write_record
-- Returns: the answer
local function write_refusal(account, reason)
  local answer = refuse(account, reason)
  local recorded = reason == 'RESERVATION_CLOSED' or reason == 'RESERVATION_EXPIRED'
    or reason == 'COMMIT_EXCEEDS_RESERVED' or reason == 'UNIT_MISMATCH'
    or reason == 'CURRENCY_MISMATCH' or reason == 'BALANCE_LIMIT' or reason == 'CHARGE_LIMIT'
    or reason == 'TOP_UP_EXPIRED' or reason == 'BUCKET_MISMATCH' or reason == 'TOO_MANY_BUCKETS'
    or reason == 'CAP_MISMATCH' or reason == 'TOO_MANY_CAPS'
    or reason == 'ACCOUNT_CLOSED' or reason == 'ACCOUNT_HOLDS_RESERVATIONS'
    or reason == 'SUBSCRIBER_HOLDS_RESERVATIONS'
    or reason == 'ACCOUNT_HAS_BALANCE' or reason == 'ETAG_MISMATCH'
    or reason == 'BALANCE_TOO_LOW' or reason == 'TOP_UP_ALREADY_USED'
    or reason == 'TOP_UP_REVERSED' or reason == 'REFUND_EXCEEDS'
    or reason == 'RENEWAL_NOT_OFFERED' or reason == 'RENEWAL_EXISTS'
  if recorded and not count_refusal(account) then
    recorded, answer = false, refuse(account, 'TOO_MANY_REFUSALS')
  end
  if recorded or #account.events > 0 then write_account(account) end
  if recorded then write_record(account, answer) end
  return answer
end
