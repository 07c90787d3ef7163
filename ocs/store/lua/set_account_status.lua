#!lua
-- Purpose: suspend, resume or close an account; again to the same status, too, for it may have
--   another reason. Closed is final, and only what holds nothing and has nothing can
--   be closed.
-- KEYS:
--   account: hash; figures of buckets, caps and the account itself
--   request: string; the request record
--   journal: stream; the partition's charging events
--   due: zset; the partition's accounts by earliest deadline
--   holds: hash; what open reservations hold
-- ARGV:
--   path: text; tenant/account
--   now_ms: ms 0..2^53-1 or empty; a test's clock instead of the store's
--   server_ms: ms; the service's clock, at most 5 s from the store's
--   deadline_ms: ms; the caller has stopped waiting after it
--   fingerprint: text; over the caller's meaning
--   request_time_ms: ms; first send
--   window_ms: ms; how long the request_id protects
--   context: bytes; EventContext, opaque
--   status: active, suspended or closed
-- Returns: `DONE seq store_ms`
-- Outcomes: DONE
-- Refusals: ACCOUNT_NOT_FOUND, REQUEST_ID_REUSED, REQUEST_TOO_OLD, REQUEST_TIME_AHEAD,
--   CLOCK_SKEW, DEADLINE_PASSED, EXPIRE_MORE, STATE_CORRUPT, TOO_MANY_REFUSALS, ACCOUNT_CLOSED,
--   ACCOUNT_HOLDS_RESERVATIONS, ACCOUNT_HAS_BALANCE
-- Emits: SUSPEND_ACCOUNT, RESUME_ACCOUNT, CLOSE_ACCOUNT, EXPIRE, BUCKET_CLOSED
-- Keeps: an account without the field is active, so that charging pays nothing for it
-- Include: begin_call, emit, expire_due, read_bucket, write_account, write_record, write_refusal
local account, early = begin_call({
  key = KEYS.account, request_key = KEYS.request, journal_key = KEYS.journal, due_key = KEYS.due,
  holds_key = KEYS.holds, path = ARGV.path, now_ms = ARGV.now_ms, server_ms = ARGV.server_ms,
  deadline_ms = ARGV.deadline_ms, fingerprint = ARGV.fingerprint,
  request_time_ms = ARGV.request_time_ms, window_ms = ARGV.window_ms,
})
if not account then return early end
if expire_due(account) then return write_refusal(account, 'EXPIRE_MORE') end
if account.fields.status == 'closed' then return write_refusal(account, 'ACCOUNT_CLOSED') end
local status, kind = ARGV.status, 'RESUME_ACCOUNT'
if status == 'closed' then
  if account.open_count > 0 then return write_refusal(account, 'ACCOUNT_HOLDS_RESERVATIONS') end
  for i = 1, #account.ids do
    if read_bucket(account, account.ids[i]).balance ~= 0 then
      return write_refusal(account, 'ACCOUNT_HAS_BALANCE')
    end
  end
  kind = 'CLOSE_ACCOUNT'
elseif status == 'suspended' then
  kind = 'SUSPEND_ACCOUNT'
end
emit(account, kind, '-', '-', '', ARGV.context)
local answer = string.format('DONE %d %d', account.seq, account.now)

if status ~= 'active' then account.changes.status = status end
write_account(account)
if status == 'active' then redis.call('HDEL', KEYS.account, 'status') end
return write_record(account, answer)
