-- Purpose: write what changed in a subscriber or group, and sweep its lapsed holds.
-- Include: slots_text
-- Returns: nothing
local function write_holder(holder)
  local set, gone = {}, holder.lapsed
  for field, value in pairs(holder.changes) do
    if value then set[#set + 1], set[#set + 2] = field, value else gone[#gone + 1] = field end
  end
  for id, cap in pairs(holder.caps) do
    local slots = cap.slots and slots_text(cap)
    if slots then
      set[#set + 1], set[#set + 2] = 'c:' .. id, slots
    elseif cap.dirty then
      set[#set + 1] = 'c:' .. id
      set[#set + 1] = string.format('%d %d', cap.period, cap.spent)
    end
  end
  -- HDEL first: a new hold may stand under the name of one that lapsed.
  if #gone > 0 then redis.call('HDEL', holder.key, unpack(gone)) end
  if #set > 0 then redis.call('HSET', holder.key, unpack(set)) end
end
