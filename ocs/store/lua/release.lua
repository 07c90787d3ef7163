#!lua flags=allow-oom
-- Purpose: give back everything a reservation holds, and close it.
-- KEYS:
--   account: hash; figures of buckets, caps and the account itself
--   request: string; the request record
--   journal: stream; the partition's charging events
--   due: zset; the partition's accounts by earliest deadline
--   holds: hash; what open reservations hold
--   reservation: string; the reservation
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
--   facts: what the service knows of the reservation, see lib/parse_reservation; empty if nothing
--   reservation_id: id
-- Returns: see lib/charge_answer; STALE_RESERVATION carries the facts
-- Outcomes: RELEASED
-- Refusals: ACCOUNT_NOT_FOUND, REQUEST_ID_REUSED, REQUEST_TOO_OLD, REQUEST_TIME_AHEAD,
--   CLOCK_SKEW, DEADLINE_PASSED, EXPIRE_MORE, STATE_CORRUPT, TOO_MANY_REFUSALS,
--   RESERVATION_NOT_FOUND, RESERVATION_CLOSED, RESERVATION_EXPIRED, STALE_PROFILE,
--   STALE_RESERVATION
-- Emits: RELEASE, EXPIRE, BUCKET_CLOSED
-- Keeps: reserved = sum of holds; no balance moves
-- Include: begin_call, charge_answer, emit, expire_due, give_back, load_holders, no_grant,
--   parse_hold, parse_reservation, refuse, save_reservation, set_hold, stored_hold, write_account,
--   write_holder, write_record, write_refusal
local account, early, reservation_text = begin_call({
  key = KEYS.account, request_key = KEYS.request, journal_key = KEYS.journal, due_key = KEYS.due,
  holds_key = KEYS.holds, path = ARGV.path, now_ms = ARGV.now_ms, server_ms = ARGV.server_ms,
  deadline_ms = ARGV.deadline_ms, fingerprint = ARGV.fingerprint,
  request_time_ms = ARGV.request_time_ms, window_ms = ARGV.window_ms,
}, KEYS.reservation)
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
if not holders then return refuse(account, 'STALE_PROFILE') end
if expire_due(account) then return write_refusal(account, 'EXPIRE_MORE') end
local id = ARGV.reservation_id
if reservation.state ~= 'open' then return write_refusal(account, 'RESERVATION_CLOSED') end
local hold = parse_hold(account, stored_hold(account, id))
if not hold then return write_refusal(account, 'RESERVATION_EXPIRED') end

local released = no_grant('RELEASED')
released.micros = give_back(account, hold)
set_hold(account, holders, id, nil)
emit(account, 'RELEASE', 'RELEASED', id, ' d=0:0', ARGV.context)
local answer = charge_answer(account, 'RELEASED', id, released, nil, '')

write_account(account)
save_reservation(account, KEYS.reservation, 'released', account.now + LIMITS.REMEMBER_MS,
  reservation.session, reservation.subscriber, reservation.terms)
for i = 1, #holders do write_holder(holders[i]) end
return write_record(account, answer)
