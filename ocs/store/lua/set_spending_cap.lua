#!lua
-- Purpose: create a cap, or change the limit of one; what it counts never changes. The definition
--   is kept with its holder: the account's profile, or the subscriber's or group's own key.
-- KEYS:
--   account: hash; figures of buckets, caps and the account itself
--   request: string; the request record
--   journal: stream; the partition's charging events
--   due: zset; the partition's accounts by earliest deadline
--   holds: hash; what open reservations hold
--   holder: hash; the profile, the subscriber or the group
-- ARGV:
--   path: text; tenant/account
--   now_ms: ms 0..2^53-1 or empty; a test's clock instead of the store's
--   server_ms: ms; the service's clock, at most 5 s from the store's
--   deadline_ms: ms; the caller has stopped waiting after it
--   fingerprint: text; over the caller's meaning
--   request_time_ms: ms; first send
--   window_ms: ms; how long the request_id protects
--   context: bytes; EventContext, opaque
--   holder_name: account, subscriber/<id> or group/<id>
--   cap_id: id
--   meaning: `unit period service zone`, - for all; period may be rolling/slots/slot_ms
--   limit: 0..2^53-1
-- Returns: `DONE seq store_ms`
-- Outcomes: DONE
-- Refusals: ACCOUNT_NOT_FOUND, REQUEST_ID_REUSED, REQUEST_TOO_OLD, REQUEST_TIME_AHEAD,
--   CLOCK_SKEW, DEADLINE_PASSED, EXPIRE_MORE, STATE_CORRUPT, TOO_MANY_REFUSALS, ACCOUNT_CLOSED,
--   SUBSCRIBER_NOT_FOUND, CAP_MISMATCH, TOO_MANY_CAPS
-- Emits: SET_SPENDING_CAP, EXPIRE, BUCKET_CLOSED
-- Keeps: a counter counts one thing in one kind of period for ever
-- Include: begin_call, emit, expire_due, write_account, write_record, write_refusal
local account, early = begin_call({
  key = KEYS.account, request_key = KEYS.request, journal_key = KEYS.journal, due_key = KEYS.due,
  holds_key = KEYS.holds, path = ARGV.path, now_ms = ARGV.now_ms, server_ms = ARGV.server_ms,
  deadline_ms = ARGV.deadline_ms, fingerprint = ARGV.fingerprint,
  request_time_ms = ARGV.request_time_ms, window_ms = ARGV.window_ms,
})
if not account then return early end
if expire_due(account) then return write_refusal(account, 'EXPIRE_MORE') end
if account.fields.status == 'closed' then return write_refusal(account, 'ACCOUNT_CLOSED') end
local fields, count = redis.call('HGETALL', KEYS.holder).map, 0
if not next(fields) and string.sub(ARGV.holder_name, 1, 11) == 'subscriber/' then
  return write_refusal(account, 'SUBSCRIBER_NOT_FOUND')
end
for field in pairs(fields) do
  if string.sub(field, 1, 2) == 'q:' then count = count + 1 end
end
local stored = fields['q:' .. ARGV.cap_id]
if stored and string.match(stored, '^%d+ (.+)$') ~= ARGV.meaning then
  return write_refusal(account, 'CAP_MISMATCH')
end
if not stored and count >= LIMITS.CAPS_PER_HOLDER_MAX then
  return write_refusal(account, 'TOO_MANY_CAPS')
end
local unit, period, service, zone = string.match(ARGV.meaning, '^(%a+) (%S+) (%S+) (%S+)$')

account.version = string.format('%d', account.version + 1)
emit(account, 'SET_SPENDING_CAP', '-', ARGV.cap_id, ' q=' .. table.concat({ARGV.holder_name,
  ARGV.cap_id, unit, ARGV.limit, period, service, zone}, ':'), ARGV.context)
local answer = string.format('DONE %d %d', account.seq, account.now)

write_account(account)
redis.call('HSET', KEYS.holder, 'q:' .. ARGV.cap_id, ARGV.limit .. ' ' .. ARGV.meaning)
return write_record(account, answer)
