-- Purpose: answer with a bucket as it is after what changed it by hand.
-- Include: available
-- Returns: `DONE seq store_ms bucket balance available`
local function bucket_answer(account, bucket)
  local terms, spendable = bucket.terms, 0
  if terms.start_ms <= account.now and (terms.expire_ms == 0 or terms.expire_ms > account.now) then
    spendable = available(account, bucket)
  end
  return string.format('DONE %d %d %s %d %d', account.seq, account.now, bucket.id, bucket.balance,
    spendable)
end
