#!lua
-- Purpose: mark a bucket's balance, or take the mark off; one that is as low already is not
--   reported.
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
--   threshold: 0..2^53-1 in that unit, or - for none
-- Returns: see lib/bucket_answer
-- Outcomes: DONE
-- Refusals: ACCOUNT_NOT_FOUND, REQUEST_ID_REUSED, REQUEST_TOO_OLD, REQUEST_TIME_AHEAD,
--   CLOCK_SKEW, DEADLINE_PASSED, EXPIRE_MORE, STATE_CORRUPT, TOO_MANY_REFUSALS,
--   BUCKET_NOT_FOUND, BUCKET_MISMATCH
-- Emits: SET_BUCKET_THRESHOLD, EXPIRE, BUCKET_CLOSED
-- Keeps: every figure of the bucket
-- Include: begin_call, bucket_answer, emit, expire_due, find_bucket, write_account, write_record,
--   write_refusal
local account, early = begin_call({
  key = KEYS.account, request_key = KEYS.request, journal_key = KEYS.journal, due_key = KEYS.due,
  holds_key = KEYS.holds, path = ARGV.path, now_ms = ARGV.now_ms, server_ms = ARGV.server_ms,
  deadline_ms = ARGV.deadline_ms, fingerprint = ARGV.fingerprint,
  request_time_ms = ARGV.request_time_ms, window_ms = ARGV.window_ms,
})
if not account then return early end
if expire_due(account) then return write_refusal(account, 'EXPIRE_MORE') end
local bucket = find_bucket(account, ARGV.bucket_id)
if not bucket then return write_refusal(account, 'BUCKET_NOT_FOUND') end
if bucket.terms.unit ~= ARGV.unit then return write_refusal(account, 'BUCKET_MISMATCH') end

local field = 'l:' .. bucket.id
if ARGV.threshold == '-' then
  account.gone = account.gone or {}
  account.gone[#account.gone + 1] = field
else
  account.changes[field] = ARGV.threshold
    .. (bucket.balance <= ARGV.threshold + 0 and ' 1' or ' 0')
end
emit(account, 'SET_BUCKET_THRESHOLD', '-', bucket.id, ' i=' .. ARGV.threshold, ARGV.context)
local answer = bucket_answer(account, bucket)

write_account(account)
return write_record(account, answer)
