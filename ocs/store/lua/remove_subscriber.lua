#!lua
-- Purpose: remove a line that holds nothing, with its caps. Its identities are in the answer, for
--   their lookups are released afterwards, by a resend too.
-- KEYS:
--   account: hash; figures of buckets, caps and the account itself
--   request: string; the request record
--   journal: stream; the partition's charging events
--   due: zset; the partition's accounts by earliest deadline
--   holds: hash; what open reservations hold
--   subscriber: hash; the line, with its caps' counters and holds
--   subscribers: set; ids of the account's lines
--   reservations...: string; those of open_ids, in order (0..1024)
-- ARGV:
--   path: text; tenant/account
--   now_ms: ms 0..2^53-1 or empty; a test's clock instead of the store's
--   server_ms: ms; the service's clock, at most 5 s from the store's
--   deadline_ms: ms; the caller has stopped waiting after it
--   fingerprint: text; over the caller's meaning
--   request_time_ms: ms; first send
--   window_ms: ms; how long the request_id protects
--   context: bytes; EventContext, opaque
--   subscriber_id: id
--   open_ids: reservations that the service found open, split by spaces
-- Returns: `DONE seq store_ms identities`, kind=value split by commas, - for none
-- Outcomes: DONE
-- Refusals: ACCOUNT_NOT_FOUND, REQUEST_ID_REUSED, REQUEST_TOO_OLD, REQUEST_TIME_AHEAD,
--   CLOCK_SKEW, DEADLINE_PASSED, EXPIRE_MORE, STATE_CORRUPT, TOO_MANY_REFUSALS,
--   SUBSCRIBER_NOT_FOUND, STALE_PROFILE, SUBSCRIBER_HOLDS_RESERVATIONS
-- Emits: REMOVE_SUBSCRIBER, EXPIRE, BUCKET_CLOSED
-- Keeps: nothing holds for a line that is gone
-- Include: begin_call, emit, expire_due, line_holds, write_account, write_record, write_refusal
local account, early = begin_call({
  key = KEYS.account, request_key = KEYS.request, journal_key = KEYS.journal, due_key = KEYS.due,
  holds_key = KEYS.holds, path = ARGV.path, now_ms = ARGV.now_ms, server_ms = ARGV.server_ms,
  deadline_ms = ARGV.deadline_ms, fingerprint = ARGV.fingerprint,
  request_time_ms = ARGV.request_time_ms, window_ms = ARGV.window_ms,
})
if not account then return early end
if expire_due(account) then return write_refusal(account, 'EXPIRE_MORE') end
local identities = redis.call('HGET', KEYS.subscriber, 'identities')
if not identities then return write_refusal(account, 'SUBSCRIBER_NOT_FOUND') end
local keys = {}
for i = 1, KEYS.reservations.count do keys[i] = KEYS.reservations(i) end
local refusal = line_holds(account, KEYS.holds, ARGV.open_ids, keys, ARGV.subscriber_id)
if refusal then return write_refusal(account, refusal) end
redis.call('SCARD', KEYS.subscribers)

account.version = string.format('%d', account.version + 1)
emit(account, 'REMOVE_SUBSCRIBER', '-', ARGV.subscriber_id, '', ARGV.context)
local answer = string.format('DONE %d %d ', account.seq, account.now) .. identities

write_account(account)
redis.call('DEL', KEYS.subscriber)
redis.call('SREM', KEYS.subscribers, ARGV.subscriber_id)
return write_record(account, answer)
