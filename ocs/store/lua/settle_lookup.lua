#!lua
-- Purpose: decide a claim once the account has answered: confirm it, or drop it while it is
--   pending, or release what was confirmed and its owner has no more. Nothing happens if the
--   entry has another owner by now; nor is it dropped if its owner has claimed anew, for he may
--   be about to take what the account did not have yet.
-- KEYS:
--   lookup: string; the index entry of one looked-up id, in that id's own partition
-- ARGV:
--   owner: text; whose claim it is
--   deadline_ms: ms; the deadline of the claim that is meant
--   verdict: confirmed, dropped or released
-- Returns: 1 if it was decided, 0 if the entry is another's
-- Keeps: only the owner's own claim changes
local entry = redis.call('GET', KEYS.lookup)
local state, owner, deadline_ms = string.match(entry or '', '^(%a+) (%S+) (%d+)$')
if owner ~= ARGV.owner then return 0 end
if ARGV.verdict == 'confirmed' then
  redis.call('SET', KEYS.lookup, 'confirmed ' .. owner .. ' 0')
elseif state == (ARGV.verdict == 'released' and 'confirmed' or 'pending')
  and deadline_ms == ARGV.deadline_ms then
  redis.call('DEL', KEYS.lookup)
end
return 1
