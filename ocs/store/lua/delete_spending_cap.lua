#!lua
-- Purpose: remove a cap with its counter and all that is held in it: its id may count something
--   else from then on. The reservations stay open.
-- KEYS:
--   account: hash; figures of buckets, caps and the account itself
--   request: string; the request record
--   journal: stream; the partition's charging events
--   due: zset; the partition's accounts by earliest deadline
--   holds: hash; what open reservations hold
--   holder: hash; the profile, the subscriber or the group
-- ARGV:
--   path: text; tenant/account
--   now_ms: ms 0..2^53-1 or empty; a test's clock instead of the store's
--   server_ms: ms; the service's clock, at most 5 s from the store's
--   deadline_ms: ms; the caller has stopped waiting after it
--   fingerprint: text; over the caller's meaning
--   request_time_ms: ms; first send
--   window_ms: ms; how long the request_id protects
--   context: bytes; EventContext, opaque
--   holder_name: account, subscriber/<id> or group/<id>
--   cap_id: id
-- Returns: `DONE seq store_ms`
-- Outcomes: DONE
-- Refusals: ACCOUNT_NOT_FOUND, REQUEST_ID_REUSED, REQUEST_TOO_OLD, REQUEST_TIME_AHEAD,
--   CLOCK_SKEW, DEADLINE_PASSED, EXPIRE_MORE, STATE_CORRUPT, TOO_MANY_REFUSALS, ACCOUNT_CLOSED,
--   SUBSCRIBER_NOT_FOUND, CAP_NOT_FOUND
-- Emits: DELETE_SPENDING_CAP, EXPIRE, BUCKET_CLOSED
-- Keeps: no hold and no counter outlives its cap
-- Include: begin_call, drop_cap_lines, emit, expire_due, forget_cap, load_holder, write_account,
--   write_holder, write_record, write_refusal
local account, early = begin_call({
  key = KEYS.account, request_key = KEYS.request, journal_key = KEYS.journal, due_key = KEYS.due,
  holds_key = KEYS.holds, path = ARGV.path, now_ms = ARGV.now_ms, server_ms = ARGV.server_ms,
  deadline_ms = ARGV.deadline_ms, fingerprint = ARGV.fingerprint,
  request_time_ms = ARGV.request_time_ms, window_ms = ARGV.window_ms,
})
if not account then return early end
if expire_due(account) then return write_refusal(account, 'EXPIRE_MORE') end
if account.fields.status == 'closed' then return write_refusal(account, 'ACCOUNT_CLOSED') end
local name, id = ARGV.holder_name, ARGV.cap_id
local holder = load_holder(KEYS.holder, name, account.now)
if not holder and string.sub(name, 1, 11) == 'subscriber/' then
  return write_refusal(account, 'SUBSCRIBER_NOT_FOUND')
end
local definition = holder and holder.fields['q:' .. id]
if not definition then return write_refusal(account, 'CAP_NOT_FOUND') end
local limit, unit, period, service, zone =
  string.match(definition, '^(%d+) (%a+) (%S+) (%S+) (%S+)$')
if not limit then error({err = 'STATE_CORRUPT cap'}) end

account.version = string.format('%d', account.version + 1)
drop_cap_lines(account, name .. ':' .. id .. ':')
forget_cap(account, holder, id)
emit(account, 'DELETE_SPENDING_CAP', '-', id, ' q=' .. table.concat({name, id, unit, limit, period,
  service, zone}, ':'), ARGV.context)
local answer = string.format('DONE %d %d', account.seq, account.now)

write_account(account)
write_holder(holder)
return write_record(account, answer)
