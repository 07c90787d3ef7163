#!lua
-- Purpose: take the price of a bundle and open its buckets, all of it or nothing.
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
--   profile_version: integer; the account's terms that the service knows
--   caps: the account's that count money, see lib/caps_in_force
--   refusal: outcome or reason that the service has decided already, or empty
--   terms: how the price is metered, see lib/parse_terms; empty with a refusal
--   bundle: see lib/parse_bundle; empty with a refusal
--   bundle_id: id
--   renew: 0 or 1; buy it again at its end
-- Returns: see lib/bundle_answer
-- Outcomes: CHARGED, CREDIT_LIMIT_REACHED, SPENDING_CAP_REACHED, ACCOUNT_SUSPENDED, ACCOUNT_CLOSED,
--   TOO_MANY_BUCKETS, SERVICE_DENIED (ARGV.refusal), RATING_FAILED (ARGV.refusal)
-- Refusals: ACCOUNT_NOT_FOUND, REQUEST_ID_REUSED, REQUEST_TOO_OLD, REQUEST_TIME_AHEAD,
--   CLOCK_SKEW, DEADLINE_PASSED, EXPIRE_MORE, STATE_CORRUPT, TOO_MANY_REFUSALS,
--   BUNDLE_NOT_FOUND, RENEWAL_NOT_OFFERED, RENEWAL_EXISTS, STALE_PROFILE
-- Emits: PURCHASE_BUNDLE, EXPIRE, BUCKET_CLOSED
-- Keeps: available >= 0, spent + reserved <= limit of every cap; credited = balance + spent +
--   expired + withdrawn
-- Include: begin_call, bundle_answer, bundle_end, caps_in_force, due_by, emit, expire_due,
--   load_renewals, parse_bundle, parse_terms, refuse, renew_from, sell_bundle, write_account,
--   write_record, write_refusal
local account, early = begin_call({
  key = KEYS.account, request_key = KEYS.request, journal_key = KEYS.journal, due_key = KEYS.due,
  holds_key = KEYS.holds, path = ARGV.path, now_ms = ARGV.now_ms, server_ms = ARGV.server_ms,
  deadline_ms = ARGV.deadline_ms, fingerprint = ARGV.fingerprint,
  request_time_ms = ARGV.request_time_ms, window_ms = ARGV.window_ms,
})
if not account then return early end
if ARGV.profile_version ~= account.version then return refuse(account, 'STALE_PROFILE') end
local caps, bundle = caps_in_force(account, {}, ARGV.caps), parse_bundle(ARGV.bundle)
local finish = bundle and bundle_end(bundle, account.now)
if not caps or (bundle and not finish) then return refuse(account, 'STALE_PROFILE') end
if expire_due(account) then return write_refusal(account, 'EXPIRE_MORE') end
local reason = ARGV.refusal
if reason == 'BUNDLE_NOT_FOUND' then return write_refusal(account, 'BUNDLE_NOT_FOUND') end
if reason == 'RENEWAL_NOT_OFFERED' then return write_refusal(account, 'RENEWAL_NOT_OFFERED') end
local renew = ARGV.renew == '1'
if renew and load_renewals(account)[ARGV.bundle_id] then
  return write_refusal(account, 'RENEWAL_EXISTS')
end

local terms = bundle and parse_terms(ARGV.terms)
local sale = sell_bundle(account, ARGV.bundle_id, bundle, terms, caps, reason, account.now, finish)
local tokens = sale.tokens
if sale.outcome == 'CHARGED' then
  due_by(account, finish)
  if renew then
    tokens = tokens .. renew_from(account, ARGV.bundle_id, sale, account.now, bundle.renewals)
  end
end
local renewal = load_renewals(account)[ARGV.bundle_id]
emit(account, 'PURCHASE_BUNDLE', sale.outcome, ARGV.bundle_id, tokens, ARGV.context)
local answer = bundle_answer(account, sale, renewal and renewal.due_ms or 0)

write_account(account)
return write_record(account, answer)
