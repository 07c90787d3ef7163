#!lua flags=allow-oom
-- Purpose: charge at once for use that has happened: as far as the money goes, never refused for
--   money or caps.
-- KEYS:
--   account: hash; figures of buckets, caps and the account itself
--   request: string; the request record
--   journal: stream; the partition's charging events
--   due: zset; the partition's accounts by earliest deadline
--   holds: hash; what open reservations hold
--   session: string; rating of the session for this service (any key if there is none)
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
--   used_units: units 1..2^53-1
--   pieces: the use by price, see lib/price_of_use, or empty
--   prices: terms that pieces name, or empty
--   session_id: id; - for none: rated by itself
--   sequence_number: 0..2^32-1, or -1
-- Returns: see lib/charge_answer
-- Outcomes: CHARGED, SERVICE_DENIED (ARGV.refusal), RATING_FAILED (ARGV.refusal)
-- Refusals: ACCOUNT_NOT_FOUND, REQUEST_ID_REUSED, REQUEST_TOO_OLD, REQUEST_TIME_AHEAD,
--   CLOCK_SKEW, DEADLINE_PASSED, EXPIRE_MORE, STATE_CORRUPT, TOO_MANY_REFUSALS,
--   SUBSCRIBER_NOT_FOUND, SEQUENCE_NUMBER_REUSED, CHARGE_LIMIT, UNIT_MISMATCH,
--   INVALID_FIELD, STALE_PROFILE
-- Emits: DEBIT, EXPIRE, BUCKET_CLOSED
-- Keeps: available >= 0; what is used is collected or uncollected
-- Include: begin_call, caps_in_force, charge_answer, charge_tokens, connect_due, emit, expire_due,
--   load_holders, new_charge, no_grant, parse_session, parse_terms, price_of_use, refuse,
--   save_session, session_order, settle_available, write_account, write_holder, write_record,
--   write_refusal
local account, early, session_text = begin_call({
  key = KEYS.account, request_key = KEYS.request, journal_key = KEYS.journal, due_key = KEYS.due,
  holds_key = KEYS.holds, path = ARGV.path, now_ms = ARGV.now_ms, server_ms = ARGV.server_ms,
  deadline_ms = ARGV.deadline_ms, fingerprint = ARGV.fingerprint,
  request_time_ms = ARGV.request_time_ms, window_ms = ARGV.window_ms,
}, KEYS.session)
if not account then return early end
if ARGV.profile_version ~= account.version then return refuse(account, 'STALE_PROFILE') end
local keys = {}
for i = 1, KEYS.holders.count do keys[i] = KEYS.holders(i) end
local holders = load_holders(account, ARGV.holder_names, keys)
if not holders then return refuse(account, 'SUBSCRIBER_NOT_FOUND') end
local caps = caps_in_force(account, holders, ARGV.caps)
if not caps then return refuse(account, 'STALE_PROFILE') end
if expire_due(account) then return write_refusal(account, 'EXPIRE_MORE') end
if ARGV.refusal == 'INVALID_FIELD' then return write_refusal(account, 'INVALID_FIELD') end
if ARGV.refusal == 'UNIT_MISMATCH' then return write_refusal(account, 'UNIT_MISMATCH') end
local has_session = ARGV.session_id ~= '-'
local session = has_session and parse_session(session_text, account.now)
  or {expire_ms = 0, position = 0, paid_to = 0, sequence = -1}
local sequence = ARGV.sequence_number + 0
local flags = session_order(session, sequence)
if flags == 'reused' then return write_refusal(account, 'SEQUENCE_NUMBER_REUSED') end

local used, denial = ARGV.used_units + 0, no_grant(ARGV.refusal)
local terms, rate, target, charge, tokens
if ARGV.refusal == '' then
  terms = parse_terms(ARGV.terms)
  rate, target = price_of_use(terms, session, used, ARGV.pieces, ARGV.prices, caps)
  if not target then return write_refusal(account, 'CHARGE_LIMIT') end
end
session.sequence = math.max(session.sequence, sequence)
if denial.outcome == '' then
  denial.outcome = 'CHARGED'
  charge = new_charge(rate, session.paid_to, target, connect_due(rate, session, used))
  settle_available(account, terms, charge, caps)
  session.position, session.paid_to = session.position + used, target
  tokens = charge_tokens(charge, used, session, flags)
else
  tokens = ' u=' .. ARGV.used_units .. (flags == '' and '' or ' f=' .. flags)
end
emit(account, 'DEBIT', denial.outcome, '-', tokens, ARGV.context)
local answer = charge_answer(account, denial.outcome, '-', denial, charge, flags)

write_account(account)
for i = 1, #holders do write_holder(holders[i]) end
if has_session then save_session(account, KEYS.session, session) end
return write_record(account, answer)
