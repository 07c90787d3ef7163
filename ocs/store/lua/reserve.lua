#!lua
-- Purpose: hold units of one service: parse, check, decide, then write all at once.
-- KEYS:
--   account: hash; figures of buckets, caps and the account itself
--   request: string; the request record
--   journal: stream; the partition's charging events
--   due: zset; the partition's accounts by earliest deadline
--   holds: hash; what open reservations hold
--   reservation: string; the reservation to open
--   session: string; rating of the session for this service
--   holders...: hash; the subscriber, then its groups (0..5)
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
--   holder_names: names of the holders in order, split by spaces
--   caps: those that count this service, see lib/caps_in_force
--   refusal: outcome or reason that the service has decided already, or empty
--   terms: see lib/parse_terms; empty with a refusal
--   later: terms after the next price change, see lib/price_of_hold, or empty
--   requested_units: units 1..2^53-1
--   all_or_nothing: 0 or 1
--   validity_ms: ms 1000..86400000; 0 = the service's own
--   jitter_permille: 0..100
--   reservation_id: id
--   session_id: id
--   subscriber_id: id or -
--   sequence_number: 0..2^32-1, or -1
-- Returns: see lib/charge_answer
-- Outcomes: GRANTED, CREDIT_LIMIT_REACHED, SPENDING_CAP_REACHED, TOO_MANY_RESERVATIONS,
--   OUT_OF_ORDER, ACCOUNT_SUSPENDED, ACCOUNT_CLOSED, SERVICE_DENIED (ARGV.refusal),
--   RATING_FAILED (ARGV.refusal), GRANT_MAX_EXCEEDED (ARGV.refusal)
-- Refusals: ACCOUNT_NOT_FOUND, REQUEST_ID_REUSED, REQUEST_TOO_OLD, REQUEST_TIME_AHEAD,
--   CLOCK_SKEW, DEADLINE_PASSED, EXPIRE_MORE, STATE_CORRUPT, TOO_MANY_REFUSALS,
--   SUBSCRIBER_NOT_FOUND, RESERVATION_EXISTS, SEQUENCE_NUMBER_REUSED, UNIT_MISMATCH,
--   INVALID_FIELD, STALE_PROFILE
-- Emits: RESERVE, EXPIRE, BUCKET_CLOSED
-- Keeps: available >= 0, reserved = sum of holds, spent + reserved <= limit of every cap
-- Include: begin_call, caps_in_force, charge_answer, decide_grant, emit, expire_due, hold_grant,
--   hold_tokens, load_holders, no_grant, parse_reservation, parse_session, parse_terms,
--   price_of_hold, read_wish, refuse, save_reservation, save_session, session_order, set_hold,
--   status_denial, stored_hold, write_account, write_holder, write_record, write_refusal
local account, early, reservation_text, session_text = begin_call({
  key = KEYS.account, request_key = KEYS.request, journal_key = KEYS.journal, due_key = KEYS.due,
  holds_key = KEYS.holds, path = ARGV.path, now_ms = ARGV.now_ms, server_ms = ARGV.server_ms,
  deadline_ms = ARGV.deadline_ms, fingerprint = ARGV.fingerprint,
  request_time_ms = ARGV.request_time_ms, window_ms = ARGV.window_ms,
}, KEYS.reservation, KEYS.session)
if not account then return early end
if ARGV.profile_version ~= account.version then return refuse(account, 'STALE_PROFILE') end
local keys = {}
for i = 1, KEYS.holders.count do keys[i] = KEYS.holders(i) end
local holders = load_holders(account, ARGV.holder_names, keys)
if not holders then return refuse(account, 'SUBSCRIBER_NOT_FOUND') end
local caps = caps_in_force(account, holders, ARGV.caps)
if not caps then return refuse(account, 'STALE_PROFILE') end
if expire_due(account) then return write_refusal(account, 'EXPIRE_MORE') end
local session = parse_session(session_text, account.now)
local sequence = ARGV.sequence_number + 0
local flags = session_order(session, sequence)
if ARGV.refusal == 'INVALID_FIELD' then return write_refusal(account, 'INVALID_FIELD') end
if ARGV.refusal == 'UNIT_MISMATCH' then return write_refusal(account, 'UNIT_MISMATCH') end
if parse_reservation(reservation_text, account.now) then
  return write_refusal(account, 'RESERVATION_EXISTS')
end
if flags == 'reused' then return write_refusal(account, 'SEQUENCE_NUMBER_REUSED') end
if stored_hold(account, ARGV.reservation_id) then error({err = 'STATE_CORRUPT hold'}) end

local grant, terms
local denial = status_denial(account) or ARGV.refusal
if denial ~= '' then
  grant = no_grant(denial)
elseif flags == 'o' then
  grant = no_grant('OUT_OF_ORDER')
else
  terms = parse_terms(ARGV.terms)
  local wish = read_wish(ARGV.requested_units, ARGV.all_or_nothing, ARGV.validity_ms,
    ARGV.jitter_permille)
  local rate = price_of_hold(terms, ARGV.later, session, wish.requested, caps)
  grant = decide_grant(account, terms, rate, session, wish, caps)
end
session.sequence = math.max(session.sequence, sequence)
local granted = grant.outcome == 'GRANTED'
local tokens = ' r=' .. ARGV.requested_units .. string.format(' g=%d', grant.granted)
if granted then
  hold_grant(account, grant, caps)
  tokens = tokens .. hold_tokens(grant)
  set_hold(account, holders, ARGV.reservation_id, grant)
  session.expire_ms = math.max(session.expire_ms, grant.expire_ms + LIMITS.REMEMBER_MS)
end
if grant.final then flags = flags .. 'f' end
if flags ~= '' then tokens = tokens .. ' f=' .. flags end
emit(account, 'RESERVE', grant.outcome, ARGV.reservation_id, tokens, ARGV.context)
local answer = charge_answer(account, grant.outcome, granted and ARGV.reservation_id or '-', grant,
  nil, flags)

write_account(account)
if granted then
  save_reservation(account, KEYS.reservation, 'open', grant.expire_ms + LIMITS.REMEMBER_MS,
    ARGV.session_id, ARGV.subscriber_id, terms)
end
for i = 1, #holders do write_holder(holders[i]) end
save_session(account, KEYS.session, session)
return write_record(account, answer)
