#!lua
-- Purpose: claim an identity or payment reference for an account, before the account itself takes
--   it. An entry reads `state owner deadline_ms`, owner being account/subscriber/request_id.
-- KEYS:
--   lookup: string; the index entry of one looked-up id, in that id's own partition
-- ARGV:
--   now_ms: ms 0..2^53-1 or empty; a test's clock instead of the store's
--   owner: text; who claims
-- Returns: `claimed owner` if it is the caller's now, `pending owner` if another's claim still
--   runs, `lapsed owner` if the owner has to be asked, `taken owner` if it is another's for good
-- Refusals: STATE_CORRUPT
-- Keeps: an entry has one owner at a time
local now = tonumber(ARGV.now_ms)
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local entry = redis.call('GET', KEYS.lookup)
if entry then
  local state, owner, deadline_ms = string.match(entry, '^(%a+) (%S+) (%d+)$')
  if not state then error({err = 'STATE_CORRUPT lookup'}) end
  if owner == ARGV.owner then return 'claimed ' .. owner end
  if state == 'confirmed' then return 'taken ' .. owner end
  if tonumber(deadline_ms) > now then return 'pending ' .. owner end
  return 'lapsed ' .. owner
end
redis.call('SET', KEYS.lookup,
  string.format('pending %s %d', ARGV.owner, now + LIMITS.CLAIM_PENDING_MS))
return 'claimed ' .. ARGV.owner
