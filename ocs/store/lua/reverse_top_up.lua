#!lua
-- Purpose: take back what a payment credited, once: all of it, or what is left of it.
-- KEYS:
--   account: hash; figures of buckets, caps and the account itself
--   request: string; the request record
--   journal: stream; the partition's charging events
--   due: zset; the partition's accounts by earliest deadline
--   holds: hash; what open reservations hold
--   payment: string; what this payment reference credited, kept for ever
-- ARGV:
--   path: text; tenant/account
--   now_ms: ms 0..2^53-1 or empty; a test's clock instead of the store's
--   server_ms: ms; the service's clock, at most 5 s from the store's
--   deadline_ms: ms; the caller has stopped waiting after it
--   fingerprint: text; over the caller's meaning
--   request_time_ms: ms; first send
--   window_ms: ms; how long the request_id protects
--   context: bytes; EventContext, opaque
--   allow_partial: 0 or 1
-- Returns: see lib/bucket_answer; then what was taken back
-- Outcomes: DONE
-- Refusals: ACCOUNT_NOT_FOUND, REQUEST_ID_REUSED, REQUEST_TOO_OLD, REQUEST_TIME_AHEAD,
--   CLOCK_SKEW, DEADLINE_PASSED, EXPIRE_MORE, STATE_CORRUPT, TOO_MANY_REFUSALS,
--   PAYMENT_NOT_FOUND, TOP_UP_REVERSED, TOP_UP_ALREADY_USED
-- Emits: REVERSE_TOP_UP, EXPIRE, BUCKET_CLOSED
-- Keeps: a payment is taken back once, and only from what its bucket has and does not hold
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
local payment = redis.call('GET', KEYS.payment)
if not payment then return write_refusal(account, 'PAYMENT_NOT_FOUND') end
local made, id, unit, credited, back =
  string.match(payment, '^(%S+ (%S+) (%a+) (%d+)) (%S+)$')
if not made then error({err = 'STATE_CORRUPT payment'}) end
if back ~= '-' then return write_refusal(account, 'TOP_UP_REVERSED') end
local bucket, quantity = find_bucket(account, id), credited + 0
local left = bucket and bucket.terms.unit == unit and bucket.balance - bucket.reserved or 0
if left < quantity then
  if left <= 0 or ARGV.allow_partial ~= '1' then
    return write_refusal(account, 'TOP_UP_ALREADY_USED')
  end
  quantity = left
end

take_out(bucket, quantity)
emit(account, 'REVERSE_TOP_UP', '-', bucket.id, '', ARGV.context)
local taken = string.format(' %d', quantity)
local answer = bucket_answer(account, bucket) .. taken

write_account(account)
redis.call('SET', KEYS.payment, made .. taken)
return write_record(account, answer)
