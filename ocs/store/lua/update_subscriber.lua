#!lua
-- Purpose: give a line that holds nothing other groups.
-- KEYS:
--   account: hash; figures of buckets, caps and the account itself
--   request: string; the request record
--   journal: stream; the partition's charging events
--   due: zset; the partition's accounts by earliest deadline
--   holds: hash; what open reservations hold
--   subscriber: hash; the line, with its caps' counters and holds
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
--   groups: ids, split by commas; - for none
--   etag: the profile version that the caller has seen; empty: any
--   open_ids: reservations that the service found open, split by spaces
-- Returns: `DONE seq store_ms`
-- Outcomes: DONE
-- Refusals: ACCOUNT_NOT_FOUND, REQUEST_ID_REUSED, REQUEST_TOO_OLD, REQUEST_TIME_AHEAD,
--   CLOCK_SKEW, DEADLINE_PASSED, EXPIRE_MORE, STATE_CORRUPT, TOO_MANY_REFUSALS,
--   ACCOUNT_CLOSED, SUBSCRIBER_NOT_FOUND, ETAG_MISMATCH, STALE_PROFILE,
--   SUBSCRIBER_HOLDS_RESERVATIONS
-- Emits: UPDATE_SUBSCRIBER, EXPIRE, BUCKET_CLOSED
-- Keeps: what a line holds, it holds in the caps of its groups
-- Include: begin_call, emit, expire_due, line_holds, write_account, write_record, write_refusal
local account, early = begin_call({
  key = KEYS.account, request_key = KEYS.request, journal_key = KEYS.journal, due_key = KEYS.due,
  holds_key = KEYS.holds, path = ARGV.path, now_ms = ARGV.now_ms, server_ms = ARGV.server_ms,
  deadline_ms = ARGV.deadline_ms, fingerprint = ARGV.fingerprint,
  request_time_ms = ARGV.request_time_ms, window_ms = ARGV.window_ms,
})
if not account then return early end
if expire_due(account) then return write_refusal(account, 'EXPIRE_MORE') end
if account.fields.status == 'closed' then return write_refusal(account, 'ACCOUNT_CLOSED') end
if not redis.call('HGET', KEYS.subscriber, 'identities') then
  return write_refusal(account, 'SUBSCRIBER_NOT_FOUND')
end
if ARGV.etag ~= '' and ARGV.etag ~= account.version then
  return write_refusal(account, 'ETAG_MISMATCH')
end
local keys = {}
for i = 1, KEYS.reservations.count do keys[i] = KEYS.reservations(i) end
local refusal = line_holds(account, KEYS.holds, ARGV.open_ids, keys, ARGV.subscriber_id)
if refusal then return write_refusal(account, refusal) end
local tokens = ''
if ARGV.groups ~= '-' then
  for group in string.gmatch(ARGV.groups, '[^,]+') do tokens = tokens .. ' m=' .. group end
end

account.version = string.format('%d', account.version + 1)
emit(account, 'UPDATE_SUBSCRIBER', '-', ARGV.subscriber_id, tokens, ARGV.context)
local answer = string.format('DONE %d %d', account.seq, account.now)

write_account(account)
redis.call('HSET', KEYS.subscriber, 'groups', ARGV.groups)
return write_record(account, answer)
