#!lua
-- Purpose: add a line to an account; its key is the truth behind every lookup of its identities.
-- KEYS:
--   account: hash; figures of buckets, caps and the account itself
--   request: string; the request record
--   journal: stream; the partition's charging events
--   due: zset; the partition's accounts by earliest deadline
--   holds: hash; what open reservations hold
--   subscriber: hash; the line, with its caps' counters and holds
--   subscribers: set; ids of the account's lines
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
--   identities: kind=value, split by commas; - for none
--   groups: ids, split by commas; - for none
-- Returns: `DONE seq store_ms`
-- Outcomes: DONE
-- Refusals: ACCOUNT_NOT_FOUND, REQUEST_ID_REUSED, REQUEST_TOO_OLD, REQUEST_TIME_AHEAD,
--   CLOCK_SKEW, DEADLINE_PASSED, EXPIRE_MORE, STATE_CORRUPT, TOO_MANY_REFUSALS,
--   ACCOUNT_CLOSED, SUBSCRIBER_EXISTS
-- Emits: ADD_SUBSCRIBER, EXPIRE, BUCKET_CLOSED
-- Keeps: a line belongs to one account
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
if redis.call('EXISTS', KEYS.subscriber) == 1 then
  return write_refusal(account, 'SUBSCRIBER_EXISTS')
end
redis.call('SCARD', KEYS.subscribers)
local tokens = ''
if ARGV.groups ~= '-' then
  for group in string.gmatch(ARGV.groups, '[^,]+') do tokens = tokens .. ' m=' .. group end
end
account.version = string.format('%d', account.version + 1)
emit(account, 'ADD_SUBSCRIBER', '-', ARGV.subscriber_id, tokens, ARGV.context)
local answer = string.format('DONE %d %d', account.seq, account.now)

write_account(account)
redis.call('HSET', KEYS.subscriber, 'identities', ARGV.identities, 'groups', ARGV.groups)
redis.call('SADD', KEYS.subscribers, ARGV.subscriber_id)
return write_record(account, answer)
