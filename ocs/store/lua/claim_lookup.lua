#!lua
-- Purpose: claim an identity or payment reference for an account, before the account itself takes
--   it. An entry reads `state owner deadline_ms`, owner being account/subscriber/request_id.
-- KEYS:
--   lookup: string; the index entry of one looked-up id, in that id's own partition
-- ARGV:
--   now_ms: ms 0..2^53-1 or empty; a test's clock instead of the store's
--   owner: text; who claims
-- Returns: `state owner deadline_ms`: claimed if it is the caller's now, pending if another's claim
--   still runs, lapsed if the owner has to be asked, taken if it is another's for good
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
  if state == 'confirmed' then
    return (owner == ARGV.owner and 'claimed ' or 'taken ') .. owner .. ' 0'
  end
  -- Who claims again is about to try again: his claim runs anew, or another might be told that he
  -- never came while he is on his way.
  if owner ~= ARGV.owner then
    return (tonumber(deadline_ms) > now and 'pending ' or 'lapsed ') .. owner .. ' ' .. deadline_ms
  end
end
local claim = string.format('%s %d', ARGV.owner, now + LIMITS.CLAIM_PENDING_MS)
redis.call('SET', KEYS.lookup, 'pending ' .. claim)
return 'claimed ' .. claim
