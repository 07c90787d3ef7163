#!lua
-- Purpose: take money or units out of a bucket, at most what it has and does not hold.
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
--   bucket_id: id
--   unit: micros, octets, seconds or count
--   quantity: 1..2^53-1
-- Returns: see lib/bucket_answer
-- Outcomes: DONE
-- Refusals: ACCOUNT_NOT_FOUND, REQUEST_ID_REUSED, REQUEST_TOO_OLD, REQUEST_TIME_AHEAD,
--   CLOCK_SKEW, DEADLINE_PASSED, EXPIRE_MORE, STATE_CORRUPT, TOO_MANY_REFUSALS,
--   BUCKET_NOT_FOUND, BUCKET_MISMATCH, BALANCE_TOO_LOW
-- Emits: WITHDRAW_BALANCE, EXPIRE, BUCKET_CLOSED
-- Keeps: balance - reserved >= 0 after it: no credit is paid out
-- Include: begin_call, bucket_answer, emit, expire_due, find_bucket, take_out, write_account,
--   write_record, write_refusal
local account, early = begin_call({
  key = KEYS.account, request_key = KEYS.request, journal_key = KEYS.journal, due_key = KEYS.due,
  holds_key = KEYS.holds, path = ARGV.path, now_ms = ARGV.now_ms, server_ms = ARGV.server_ms,
  deadline_ms = ARGV.deadline_ms, fingerprint = ARGV.fingerprint,
  request_time_ms = ARGV.request_time_ms, window_ms = ARGV.window_ms,
})
if not account then return early end
if expire_due(account) then return write_refusal(account, 'EXPIRE_MORE') end
local bucket, quantity = find_bucket(account, ARGV.bucket_id), ARGV.quantity + 0
if not bucket then return write_refusal(account, 'BUCKET_NOT_FOUND') end
if bucket.terms.unit ~= ARGV.unit then return write_refusal(account, 'BUCKET_MISMATCH') end
if quantity > bucket.balance - bucket.reserved then
  return write_refusal(account, 'BALANCE_TOO_LOW')
end

take_out(bucket, quantity)
emit(account, 'WITHDRAW_BALANCE', '-', bucket.id, '', ARGV.context)
local answer = bucket_answer(account, bucket)

write_account(account)
return write_record(account, answer)
