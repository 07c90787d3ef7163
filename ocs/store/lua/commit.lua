#!lua flags=allow-oom
-- Purpose: settle used units against a reservation, then close it, keep the rest held, or hold
--   anew. Use that happened is never refused for money, caps or order.
-- KEYS:
--   account: hash; figures of buckets, caps and the account itself
--   request: string; the request record
--   journal: stream; the partition's charging events
--   due: zset; the partition's accounts by earliest deadline
--   holds: hash; what open reservations hold
--   reservation: string; the reservation
--   successor: string; the reservation that a late commit may open
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
--   refusal: reason that the service has decided already, or empty
--   facts: what the service knows of the reservation, see lib/parse_reservation; empty if nothing
--   reservation_id: id
--   successor_id: id
--   used_units: units 0..2^53-1
--   pieces: the use by price, see lib/price_of_use, or empty
--   prices: terms that pieces name, or empty
--   step: keep, close or next_grant
--   reject_overrun: 0 or 1
--   requested_units: units 1..2^53-1; 0 without next_grant
--   all_or_nothing: 0 or 1
--   validity_ms: ms 1000..86400000; 0 = the service's own
--   jitter_permille: 0..100
--   terms: of the next grant, see lib/parse_terms; empty: those of the reservation
--   later: terms after the next price change, see lib/price_of_hold, or empty
--   grant_refusal: outcome of the next grant that the service has decided already, or empty
--   sequence_number: 0..2^32-1, or -1
-- Returns: see lib/charge_answer; STALE_RESERVATION carries the facts
-- Outcomes: CHARGED, GRANTED, CREDIT_LIMIT_REACHED, SPENDING_CAP_REACHED, TOO_MANY_RESERVATIONS,
--   OUT_OF_ORDER, ACCOUNT_SUSPENDED, ACCOUNT_CLOSED, SERVICE_DENIED (ARGV.grant_refusal),
--   RATING_FAILED (ARGV.grant_refusal), GRANT_MAX_EXCEEDED (ARGV.grant_refusal)
-- Refusals: ACCOUNT_NOT_FOUND, REQUEST_ID_REUSED, REQUEST_TOO_OLD, REQUEST_TIME_AHEAD,
--   CLOCK_SKEW, DEADLINE_PASSED, EXPIRE_MORE, STATE_CORRUPT, TOO_MANY_REFUSALS,
--   RESERVATION_NOT_FOUND, RESERVATION_CLOSED, RESERVATION_EXISTS, SEQUENCE_NUMBER_REUSED,
--   COMMIT_EXCEEDS_RESERVED, CHARGE_LIMIT, UNIT_MISMATCH (ARGV.refusal),
--   INVALID_FIELD (ARGV.refusal), STALE_PROFILE, STALE_RESERVATION
-- Emits: COMMIT, EXPIRE, BUCKET_CLOSED
-- Keeps: available >= 0, reserved = sum of holds; what is used is collected or uncollected
-- Include: begin_call, caps_in_force, charge_answer, charge_tokens, commit_refusal, connect_due,
--   decide_grant, emit, empty_hold, expire_due, hold_grant, hold_tokens, load_holders, new_charge,
--   no_grant, parse_hold, parse_reservation, parse_session, parse_terms, price_of_hold,
--   price_of_use, read_wish, refuse, save_reservation, save_session, session_order, set_hold,
--   settle_available, settle_cap_lines, settle_hold, status_denial, stored_hold, write_account,
--   write_holder, write_record, write_refusal
local account, early, reservation_text, session_text = begin_call({
  key = KEYS.account, request_key = KEYS.request, journal_key = KEYS.journal, due_key = KEYS.due,
  holds_key = KEYS.holds, path = ARGV.path, now_ms = ARGV.now_ms, server_ms = ARGV.server_ms,
  deadline_ms = ARGV.deadline_ms, fingerprint = ARGV.fingerprint,
  request_time_ms = ARGV.request_time_ms, window_ms = ARGV.window_ms,
}, KEYS.reservation, KEYS.session)
if not account then return early end
local reservation = parse_reservation(reservation_text, account.now)
if not reservation then return refuse(account, 'RESERVATION_NOT_FOUND') end
if reservation.facts ~= ARGV.facts then
  return refuse(account, 'STALE_RESERVATION') .. ' ' .. reservation.facts
end
if ARGV.profile_version ~= account.version then return refuse(account, 'STALE_PROFILE') end
local keys = {}
for i = 1, KEYS.holders.count do keys[i] = KEYS.holders(i) end
local holders = load_holders(account, ARGV.holder_names, keys)
local caps = holders and caps_in_force(account, holders, ARGV.caps)
if not caps then return refuse(account, 'STALE_PROFILE') end
if expire_due(account) then return write_refusal(account, 'EXPIRE_MORE') end
local terms, id = reservation.terms, ARGV.reservation_id
local hold = parse_hold(account, stored_hold(account, id))
local session = parse_session(session_text, account.now)
local sequence, used = ARGV.sequence_number + 0, ARGV.used_units + 0
local rate, target = price_of_use(terms, session, used, ARGV.pieces, ARGV.prices, caps)
local asks, late, keep = ARGV.step == 'next_grant', not hold, ARGV.step == 'keep'
local flags = session_order(session, sequence)
local successor = asks and late
  and parse_reservation(redis.call('GET', KEYS.successor), account.now)
local reason = commit_refusal(reservation.state, hold, used, ARGV.reject_overrun == '1',
  ARGV.refusal, successor, flags, target)
if reason then return write_refusal(account, reason) end

local charge = new_charge(rate, session.paid_to, target, connect_due(rate, session, used))
if hold then
  settle_hold(hold, charge, keep)
  settle_cap_lines(account, holders, hold, charge, keep)
  account.open_count = account.open_count - 1
end
settle_available(account, terms, charge, caps)
session.position, session.paid_to = session.position + used, target
session.sequence = math.max(session.sequence, sequence)
local grant, held, granted_terms = no_grant('CHARGED'), nil, terms
if keep and hold then
  hold.granted, held = math.max(0, hold.granted - used), hold
  account.open_count = account.open_count + 1
end
if asks then
  -- Its own hold no longer counts against the next one.
  if hold then set_hold(account, holders, id, nil) end
  local denial = status_denial(account) or ARGV.grant_refusal ~= '' and ARGV.grant_refusal
    or flags == 'o' and 'OUT_OF_ORDER'
  if denial then
    grant = no_grant(denial)
  else
    local wish = read_wish(ARGV.requested_units, ARGV.all_or_nothing, ARGV.validity_ms,
      ARGV.jitter_permille)
    if ARGV.terms ~= '' then granted_terms = parse_terms(ARGV.terms) end
    rate = price_of_hold(granted_terms, ARGV.later, session, wish.requested, caps)
    grant = decide_grant(account, granted_terms, rate, session, wish, caps)
  end
  if grant.outcome == 'GRANTED' then
    terms = granted_terms
    hold_grant(account, grant, caps)
    held = grant
    if late then id = ARGV.successor_id end
  elseif not late then
    held = empty_hold(account.now, terms.validity)
    account.open_count = account.open_count + 1
  end
end
if held or not late then set_hold(account, holders, id, held) end
session.expire_ms = math.max(session.expire_ms,
  (held and held.expire_ms or account.now) + LIMITS.REMEMBER_MS)
flags = (late and 'l' or '') .. flags .. (grant.final and 'f' or '')
local tokens = charge_tokens(charge, used, session, flags) .. hold_tokens(held)
  .. ' r=' .. ARGV.requested_units .. string.format(' g=%d', grant.granted)
if id ~= ARGV.reservation_id then tokens = tokens .. ' n=' .. id end
emit(account, 'COMMIT', grant.outcome, ARGV.reservation_id, tokens, ARGV.context)
local answer = charge_answer(account, grant.outcome, id, grant, charge, flags)

write_account(account)
if asks and held then
  save_reservation(account, late and KEYS.successor or KEYS.reservation, 'open',
    held.expire_ms + LIMITS.REMEMBER_MS, reservation.session, reservation.subscriber, terms)
elseif ARGV.step == 'close' then
  save_reservation(account, KEYS.reservation, 'closed',
    late and reservation.forget_ms or account.now + LIMITS.REMEMBER_MS, reservation.session,
    reservation.subscriber, terms)
end
for i = 1, #holders do write_holder(holders[i]) end
save_session(account, KEYS.session, session)
return write_record(account, answer)
