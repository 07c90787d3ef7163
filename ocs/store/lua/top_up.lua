#!lua
-- Purpose: credit a bucket, or open one; a payment reference is credited once for ever.
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
--   request_id: id
--   refusal: CURRENCY_MISMATCH that the service has decided already, or empty
--   bucket_id: id
--   terms: `unit priority start_ms expire_ms blocking services zones`; empty: of the bucket itself
--   unit: micros, octets, seconds or count
--   quantity: 1..2^53-1
-- Returns: `DONE seq store_ms bucket balance available`
-- Outcomes: DONE
-- Refusals: ACCOUNT_NOT_FOUND, REQUEST_ID_REUSED, REQUEST_TOO_OLD, REQUEST_TIME_AHEAD,
--   CLOCK_SKEW, DEADLINE_PASSED, EXPIRE_MORE, STATE_CORRUPT, TOO_MANY_REFUSALS, ACCOUNT_CLOSED,
--   PAYMENT_REFERENCE_USED, CURRENCY_MISMATCH, BUCKET_MISMATCH, TOP_UP_EXPIRED, TOO_MANY_BUCKETS,
--   BALANCE_LIMIT
-- Emits: TOP_UP, EXPIRE, BUCKET_CLOSED
-- Keeps: credited = balance + spent + expired + withdrawn <= 2^53-1
-- Include: begin_call, bucket_answer, due_by, emit, expire_due, hasten_renewals, insert_bucket,
--   parse_bucket_terms, read_bucket, write_account, write_record, write_refusal
local account, early = begin_call({
  key = KEYS.account, request_key = KEYS.request, journal_key = KEYS.journal, due_key = KEYS.due,
  holds_key = KEYS.holds, path = ARGV.path, now_ms = ARGV.now_ms, server_ms = ARGV.server_ms,
  deadline_ms = ARGV.deadline_ms, fingerprint = ARGV.fingerprint,
  request_time_ms = ARGV.request_time_ms, window_ms = ARGV.window_ms,
})
if not account then return early end
if expire_due(account) then return write_refusal(account, 'EXPIRE_MORE') end
if account.fields.status == 'closed' then return write_refusal(account, 'ACCOUNT_CLOSED') end
if redis.call('EXISTS', KEYS.payment) == 1 then
  return write_refusal(account, 'PAYMENT_REFERENCE_USED')
end
if ARGV.refusal == 'CURRENCY_MISMATCH' then return write_refusal(account, 'CURRENCY_MISMATCH') end
local id, quantity, stored = ARGV.bucket_id, tonumber(ARGV.quantity), nil
for _, known in ipairs(account.ids) do
  if known == id then stored = account.fields['t:' .. id] end
end
local terms_text = stored or ARGV.terms
local terms = (stored or terms_text ~= '') and parse_bucket_terms(terms_text)
if not terms or terms.unit ~= ARGV.unit
  or (stored and ARGV.terms ~= '' and ARGV.terms ~= stored) then
  return write_refusal(account, 'BUCKET_MISMATCH')
end
local expire_ms = terms.expire_ms
if expire_ms > 0 and expire_ms <= account.now then
  return write_refusal(account, 'TOP_UP_EXPIRED')
end
if not stored and #account.ids >= LIMITS.BUCKETS_MAX then
  return write_refusal(account, 'TOO_MANY_BUCKETS')
end
local tokens = ''
if not stored then
  account.fields['t:' .. id], account.fields['b:' .. id] = terms_text, '0 0 0 0 0 0'
  tokens = ' t=' .. string.gsub(terms_text, ' ', ':')
end
local bucket = read_bucket(account, id)
local credited, others = string.match(bucket.rest, '^(%d+)( %d+ %d+)$')
-- Bounds every figure the bucket can ever show, available under the credit limit included.
local limit = id == 'main' and account.credit_limit or 0
if credited + quantity + limit > LIMITS.QUANTITY_MAX then
  return write_refusal(account, 'BALANCE_LIMIT')
end

bucket.balance = bucket.balance + quantity
bucket.rest = string.format('%d%s', credited + quantity, others)
if not stored then
  insert_bucket(account, id)
  account.changes.order, account.changes['t:' .. id] = table.concat(account.ids, ' '), terms_text
end
if expire_ms > 0 then due_by(account, expire_ms) end
if terms.money then hasten_renewals(account) end
emit(account, 'TOP_UP', '-', id, tokens, ARGV.context)
local answer = bucket_answer(account, bucket)

write_account(account)
redis.call('SET', KEYS.payment,
  table.concat({ARGV.request_id, id, ARGV.unit, ARGV.quantity, '-'}, ' '))
return write_record(account, answer)
