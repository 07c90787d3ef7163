#!lua
-- Purpose: buy a bundle again for the period after its present one; if that fails try again later,
--   or give it up. Sent by the job.
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
--   refusal: outcome that the service has decided already, or empty
--   terms: how the price is metered, see lib/parse_terms; empty with a refusal
--   bundle: see lib/parse_bundle; empty with a refusal
--   bundle_id: id
--   due_ms: ms; which of the renewals is meant
-- Returns: see lib/bundle_answer
-- Outcomes: CHARGED, CREDIT_LIMIT_REACHED, SPENDING_CAP_REACHED, ACCOUNT_SUSPENDED, ACCOUNT_CLOSED,
--   TOO_MANY_BUCKETS, SERVICE_DENIED (ARGV.refusal), RATING_FAILED (ARGV.refusal)
-- Refusals: ACCOUNT_NOT_FOUND, REQUEST_ID_REUSED, REQUEST_TOO_OLD, REQUEST_TIME_AHEAD,
--   CLOCK_SKEW, DEADLINE_PASSED, EXPIRE_MORE, STATE_CORRUPT, TOO_MANY_REFUSALS,
--   RENEWAL_NOT_DUE, STALE_PROFILE
-- Emits: RENEW_BUNDLE, EXPIRE, BUCKET_CLOSED
-- Keeps: available >= 0, spent + reserved <= limit of every cap; credited = balance + spent +
--   expired + withdrawn
-- Include: begin_call, bundle_answer, bundle_end, caps_in_force, close_buckets, emit, expire_due,
--   give_up_renewal, load_renewals, next_due, parse_bundle, parse_terms, refuse, renew_from,
--   save_renewal, sell_bundle, waiting_buckets, write_account, write_record, write_refusal
local account, early = begin_call({
  key = KEYS.account, request_key = KEYS.request, journal_key = KEYS.journal, due_key = KEYS.due,
  holds_key = KEYS.holds, path = ARGV.path, now_ms = ARGV.now_ms, server_ms = ARGV.server_ms,
  deadline_ms = ARGV.deadline_ms, fingerprint = ARGV.fingerprint,
  request_time_ms = ARGV.request_time_ms, window_ms = ARGV.window_ms,
})
if not account then return early end
if ARGV.profile_version ~= account.version then return refuse(account, 'STALE_PROFILE') end
local id, renewal = ARGV.bundle_id, load_renewals(account)[ARGV.bundle_id]
if not renewal or renewal.due_ms ~= ARGV.due_ms + 0 or renewal.due_ms > account.now then
  return refuse(account, 'RENEWAL_NOT_DUE')
end
local start = math.max(account.now, renewal.end_ms)
local caps, bundle = caps_in_force(account, {}, ARGV.caps), parse_bundle(ARGV.bundle)
local finish = bundle and bundle_end(bundle, start)
if not caps or (bundle and not finish) then return refuse(account, 'STALE_PROFILE') end
if expire_due(account) then return write_refusal(account, 'EXPIRE_MORE') end

local waiting, terms = waiting_buckets(account, id), bundle and parse_terms(ARGV.terms)
local sale = sell_bundle(account, id, bundle, terms, caps, ARGV.refusal, start, finish)
local outcome, tokens = sale.outcome, sale.tokens
if outcome == 'CHARGED' then
  for _, old in ipairs(waiting) do
    local of = account.buckets[old.id].terms
    local services = of.services and string.sub(of.services, 2, -2) or '-'
    local zones = of.zones and string.sub(of.zones, 2, -2) or '-'
    local use, target = of.unit .. ' ' .. services .. ' ' .. zones, nil
    for _, new in ipairs(sale.opened) do
      if new.use == use then target = target or new.id end
    end
    local field = 'o:' .. old.id
    if target then
      account.fields[field] = id .. ' ' .. target .. ' ' .. old.most
      account.changes[field] = account.fields[field]
      tokens = tokens .. ' o=' .. old.id .. ':' .. target .. ':' .. old.most
    else
      account.fields[field], account.gone = nil, account.gone or {}
      account.gone[#account.gone + 1] = field
    end
  end
  tokens = tokens .. renew_from(account, id, sale, start, renewal.left - 1)
elseif outcome == 'ACCOUNT_CLOSED' or outcome == 'SERVICE_DENIED' or outcome == 'RATING_FAILED'
  or renewal.tries + 1 >= LIMITS.RENEWAL_TRIES_MAX then
  give_up_renewal(account, id)
else
  tokens = tokens .. save_renewal(account, id, {due_ms = account.now + LIMITS.RENEWAL_RETRY_MS,
    end_ms = renewal.end_ms, left = renewal.left, tries = renewal.tries + 1})
end
renewal = load_renewals(account)[id]
emit(account, 'RENEW_BUNDLE', outcome, id, tokens, ARGV.context)
local answer = bundle_answer(account, sale, renewal and renewal.due_ms or 0)
account.due, account.due_moved = next_due(account, close_buckets(account)), true

write_account(account)
return write_record(account, answer)
