#!lua
-- Purpose: open an account with an empty main bucket. An equal account is answered as a replay.
-- KEYS:
--   account: hash; figures of buckets, caps and the account itself
--   request: string; the request record
--   journal: stream; the partition's charging events
--   due: zset; the partition's accounts by earliest deadline
--   holds: hash; what open reservations hold
--   profile: hash; what is fixed when an account opens, and its caps
-- ARGV:
--   path: text; tenant/account
--   now_ms: ms 0..2^53-1 or empty; a test's clock instead of the store's
--   server_ms: ms; the service's clock, at most 5 s from the store's
--   deadline_ms: ms; the caller has stopped waiting after it
--   fingerprint: text; over the caller's meaning
--   request_time_ms: ms; first send
--   window_ms: ms; how long the request_id protects
--   context: bytes; EventContext, opaque
--   currency: ISO 4217
--   time_zone: IANA name
--   anchor_day: 1..31
--   plan: id
--   segment: id
--   credit_limit: micros 0..2^53-1
-- Returns: `DONE seq store_ms`
-- Outcomes: DONE
-- Refusals: REQUEST_ID_REUSED, REQUEST_TOO_OLD, REQUEST_TIME_AHEAD, CLOCK_SKEW, DEADLINE_PASSED,
--   ACCOUNT_EXISTS, STATE_CORRUPT
-- Emits: CREATE_ACCOUNT
-- Keeps: an account has one main bucket, for ever
-- Include: check_age, emit, load_account, refuse, replay, store_time, write_account, write_record
local raw, refusal = store_time(ARGV.now_ms, ARGV.server_ms, ARGV.deadline_ms)
if not raw then return refusal end
local call = {
  key = KEYS.account, request_key = KEYS.request, journal_key = KEYS.journal, due_key = KEYS.due,
  holds_key = KEYS.holds, path = ARGV.path, fingerprint = ARGV.fingerprint,
  request_time_ms = ARGV.request_time_ms, window_ms = ARGV.window_ms,
}
local fixed = table.concat({ARGV.currency, ARGV.time_zone, ARGV.anchor_day, ARGV.plan, ARGV.segment,
  ARGV.credit_limit}, ' ')
local account = load_account(KEYS.account, raw)
if account then
  account.call = call
  local early = replay(account, redis.call('GET', KEYS.request))
  if early then return early end
  if account.fields.status == 'closed'
    or redis.call('HGET', KEYS.profile, 'terms') ~= fixed then
    return refuse(account, 'ACCOUNT_EXISTS')
  end
  redis.call('HINCRBY', KEYS.account, 'replays', 1)
  return string.format('=DONE %d %d', account.seq, account.now)
end
account = {
  name = 'account', fields = {}, ids = {}, buckets = {}, caps = {}, touched = {}, dirty = {},
  events = {}, raw = raw, now = raw, version = '1', seq = 0, due = 0, open_count = 0, call = call,
  credit_limit = tonumber(ARGV.credit_limit), last_event = '-',
  changes = {order = 'main', ['b:main'] = '0 0 0 0 0 0',
    ['t:main'] = string.format('micros %d 0 0 0 - -', LIMITS.BUCKET_PRIORITY_MAX)},
}
local early = check_age(account)
if early then return early end
redis.call('HLEN', KEYS.profile)
emit(account, 'CREATE_ACCOUNT', '-', '-', ' a=' .. table.concat({ARGV.currency, ARGV.anchor_day,
  ARGV.credit_limit}, ':'), ARGV.context)
local answer = string.format('DONE %d %d', account.seq, account.now)

write_account(account)
redis.call('HSET', KEYS.profile, 'terms', fixed, 'create_ms', string.format('%d', raw))
return write_record(account, answer)
