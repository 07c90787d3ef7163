#!lua
-- Purpose: give back what a commit or debit collected, as the journal says; all refunds of one
--   event together never exceed it.
-- KEYS:
--   account: hash; figures of buckets, caps and the account itself
--   request: string; the request record
--   journal: stream; the partition's charging events
--   due: zset; the partition's accounts by earliest deadline
--   holds: hash; what open reservations hold
--   refund: string; what was given back of the event, kept for ever
--   profile: hash; what was agreed of the account, and its caps
--   archive: hash; up to where the partition's journal is archived and trimmed
--   holders...: hash; subscriber and groups whose caps the event moved (0..5)
-- ARGV:
--   path: text; tenant/account
--   now_ms: ms 0..2^53-1 or empty; a test's clock instead of the store's
--   server_ms: ms; the service's clock, at most 5 s from the store's
--   deadline_ms: ms; the caller has stopped waiting after it
--   fingerprint: text; over the caller's meaning
--   request_time_ms: ms; first send
--   window_ms: ms; how long the request_id protects
--   context: bytes; EventContext, opaque
--   seq: integer; the event's number
--   position: stream id; where the service found it; empty if it did not
--   line: text; what the service read there; counts if the journal was trimmed beyond it
--   shares: see lib/refund_shares
--   bucket_id: id; where to if a bucket that paid is gone, or -
--   holder_names: names of the holders in order, split by spaces
-- Returns: `DONE seq store_ms micros bucket:to:quantity,...`, to - for what lapsed
-- Outcomes: DONE
-- Refusals: ACCOUNT_NOT_FOUND, REQUEST_ID_REUSED, REQUEST_TOO_OLD, REQUEST_TIME_AHEAD,
--   CLOCK_SKEW, DEADLINE_PASSED, EXPIRE_MORE, STATE_CORRUPT, TOO_MANY_REFUSALS,
--   EVENT_NOT_FOUND, REFUND_EXCEEDS, BUCKET_NOT_FOUND, BUCKET_MISMATCH, BALANCE_LIMIT
-- Emits: REFUND, EXPIRE, BUCKET_CLOSED
-- Keeps: refunds of an event <= what it collected; credited = balance + spent + expired + withdrawn
-- Include: begin_call, emit, expire_due, give_share, is_before, load_holder, read_collected,
--   refund_shares, refund_target, share_refusal, uncount_caps, write_account, write_holder,
--   write_record, write_refusal
local account, early = begin_call({
  key = KEYS.account, request_key = KEYS.request, journal_key = KEYS.journal, due_key = KEYS.due,
  holds_key = KEYS.holds, path = ARGV.path, now_ms = ARGV.now_ms, server_ms = ARGV.server_ms,
  deadline_ms = ARGV.deadline_ms, fingerprint = ARGV.fingerprint,
  request_time_ms = ARGV.request_time_ms, window_ms = ARGV.window_ms,
})
if not account then return early end
if expire_due(account) then return write_refusal(account, 'EXPIRE_MORE') end
local paid, counters
if ARGV.position ~= '' then
  local trimmed = redis.call('HGETALL', KEYS.archive).map.trimmed or ''
  local archived = is_before(trimmed, ARGV.position) and '' or ARGV.line
  paid, counters = read_collected(KEYS.journal, ARGV.position, archived, ARGV.path, ARGV.seq)
end
if not paid then return write_refusal(account, 'EVENT_NOT_FOUND') end
local shares = refund_shares(paid, redis.call('GET', KEYS.refund), ARGV.shares)
if not shares then return write_refusal(account, 'REFUND_EXCEEDS') end
local targets, totals = {}, {}
for i = 1, #shares do
  local bucket, reason = refund_target(account, shares[i].line, ARGV.bucket_id)
  if bucket then totals[bucket] = (totals[bucket] or 0) + shares[i].quantity end
  reason = reason or bucket and share_refusal(account, bucket, totals[bucket])
  if reason then return write_refusal(account, reason) end
  targets[i] = bucket
end
local holders, names = {}, {}
for name in string.gmatch(ARGV.holder_names, '%S+') do
  names[#names + 1] = name
  holders[name] = load_holder(KEYS.holders(#names), name, account.now)
end
if #names ~= KEYS.holders.count then error({err = 'STATE_CORRUPT holders'}) end
local profile = redis.call('HGETALL', KEYS.profile).map

local tokens, told, back, micros = '', {}, {}, 0
for i = 1, #shares do
  local share, bucket = shares[i], targets[i]
  if bucket then give_share(bucket, share.quantity) end
  if share.line.money then micros = micros + share.quantity end
  told[i] = share.line.id .. ':' .. (bucket and bucket.id or '-')
    .. string.format(':%d', share.quantity)
  tokens = tokens .. ' j=' .. told[i]
end
for i = 1, #paid do
  if paid[i].back > 0 then
    back[#back + 1] = paid[i].id .. string.format(':%d', paid[i].back)
  end
end
uncount_caps(account, holders, profile, counters, micros)
emit(account, 'REFUND', '-', ARGV.seq, tokens, ARGV.context)
local answer = string.format('DONE %d %d %d ', account.seq, account.now, micros)
  .. table.concat(told, ',')

write_account(account)
redis.call('SET', KEYS.refund, table.concat(back, ','))
for i = 1, #names do
  if holders[names[i]] then write_holder(holders[names[i]]) end
end
return write_record(account, answer)
