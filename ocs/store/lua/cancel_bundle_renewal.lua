#!lua
-- Purpose: let a bundle end; what only waited for its renewal is forfeited.
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
--   bundle_id: id
-- Returns: `DONE seq store_ms`
-- Outcomes: DONE
-- Refusals: ACCOUNT_NOT_FOUND, REQUEST_ID_REUSED, REQUEST_TOO_OLD, REQUEST_TIME_AHEAD,
--   CLOCK_SKEW, DEADLINE_PASSED, EXPIRE_MORE, STATE_CORRUPT, TOO_MANY_REFUSALS,
--   RENEWAL_NOT_FOUND
-- Emits: CANCEL_BUNDLE_RENEWAL, EXPIRE, BUCKET_CLOSED
-- Keeps: credited = balance + spent + expired + withdrawn
-- Include: begin_call, close_buckets, due_by, emit, expire_due, give_up_renewal, load_renewals,
--   next_due, write_account, write_record, write_refusal
local account, early = begin_call({
  key = KEYS.account, request_key = KEYS.request, journal_key = KEYS.journal, due_key = KEYS.due,
  holds_key = KEYS.holds, path = ARGV.path, now_ms = ARGV.now_ms, server_ms = ARGV.server_ms,
  deadline_ms = ARGV.deadline_ms, fingerprint = ARGV.fingerprint,
  request_time_ms = ARGV.request_time_ms, window_ms = ARGV.window_ms,
})
if not account then return early end
if expire_due(account) then return write_refusal(account, 'EXPIRE_MORE') end
if not load_renewals(account)[ARGV.bundle_id] then
  return write_refusal(account, 'RENEWAL_NOT_FOUND')
end

give_up_renewal(account, ARGV.bundle_id)
emit(account, 'CANCEL_BUNDLE_RENEWAL', '-', ARGV.bundle_id, '', ARGV.context)
local answer = string.format('DONE %d %d', account.seq, account.now)
local ends = close_buckets(account)
if account.holds_due then
  account.due = next_due(account, ends)
elseif ends > 0 then
  -- What waited for the renewal ends by itself now.
  due_by(account, ends)
end

write_account(account)
return write_record(account, answer)
