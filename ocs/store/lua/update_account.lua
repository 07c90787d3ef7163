#!lua
-- Purpose: change plan, segment or credit limit. A lowered limit only stops new grants.
-- KEYS:
--   account: hash; figures of buckets, caps and the account itself
--   request: string; the request record
--   journal: stream; the partition's charging events
--   due: zset; the partition's accounts by earliest deadline
--   holds: hash; what open reservations hold
--   profile: hash; what was agreed of the account, and its caps
-- ARGV:
--   path: text; tenant/account
--   now_ms: ms 0..2^53-1 or empty; a test's clock instead of the store's
--   server_ms: ms; the service's clock, at most 5 s from the store's
--   deadline_ms: ms; the caller has stopped waiting after it
--   fingerprint: text; over the caller's meaning
--   request_time_ms: ms; first send
--   window_ms: ms; how long the request_id protects
--   context: bytes; EventContext, opaque
--   plan: id; empty: as it is
--   segment: id; empty: as it is
--   credit_limit: micros 0..2^53-1; -1: as it is
--   etag: the profile version that the caller has seen; empty: any
-- Returns: `DONE seq store_ms`
-- Outcomes: DONE
-- Refusals: ACCOUNT_NOT_FOUND, REQUEST_ID_REUSED, REQUEST_TOO_OLD, REQUEST_TIME_AHEAD,
--   CLOCK_SKEW, DEADLINE_PASSED, EXPIRE_MORE, STATE_CORRUPT, TOO_MANY_REFUSALS, ACCOUNT_CLOSED,
--   ETAG_MISMATCH, BALANCE_LIMIT
-- Emits: UPDATE_ACCOUNT, EXPIRE, BUCKET_CLOSED
-- Keeps: main's credited + credit_limit <= 2^53-1
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
if ARGV.etag ~= '' and ARGV.etag ~= account.version then
  return write_refusal(account, 'ETAG_MISMATCH')
end
local head, plan, segment, limit_text = string.match(
  redis.call('HGET', KEYS.profile, 'terms') or '', '^(%u+ %S+ %d+) (%S+) (%S+) (%d+)$')
local credited = string.match(read_bucket(account, 'main').rest, '^(%d+) ')
if not head or not credited then error({err = 'STATE_CORRUPT terms'}) end
if ARGV.plan ~= '' then plan = ARGV.plan end
if ARGV.segment ~= '' then segment = ARGV.segment end
if ARGV.credit_limit ~= '-1' then limit_text = ARGV.credit_limit end
if credited + limit_text > LIMITS.QUANTITY_MAX then
  return write_refusal(account, 'BALANCE_LIMIT')
end

local tokens = string.format(' w=%d:', account.credit_limit) .. limit_text
account.credit_limit = limit_text + 0
account.version = string.format('%d', account.version + 1)
emit(account, 'UPDATE_ACCOUNT', '-', '-', tokens, ARGV.context)
local answer = string.format('DONE %d %d', account.seq, account.now)

write_account(account)
redis.call('HSET', KEYS.profile, 'terms',
  table.concat({head, plan, segment, limit_text}, ' '))
return write_record(account, answer)
