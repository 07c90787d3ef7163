-- Purpose: a cap of the account, a subscriber or a group with its counter, parsed once a call.
--   Account: `period spent reserved`; the others: `period spent`, what is held stands in their
--   holds. A rolling cap has slots instead, see lib/parse_slots.
-- Include: parse_slots
-- Returns: the cap; period is that of its counter, -1 if it never counted. What concerns the
--   current charge is lib/caps_in_force's to say.
local function read_cap(holder, id)
  local cap = holder.caps[id]
  if cap then return cap end
  cap = {id = id, holder = holder, period = -1, spent = 0, reserved = 0, touched = false,
    dirty = false, listed = false, current = 0, finish = 0, headroom = 0, slots = false}
  local text = holder.fields['c:' .. id]
  if text then
    local period, spent, reserved = string.match(text, '^(%d+) (%d+) ?(%d*)$')
    if not period then
      parse_slots(cap, text)
    else
      cap.period, cap.spent = period + 0, spent + 0
      if reserved ~= '' then cap.reserved = reserved + 0 end
    end
  end
  holder.caps[id] = cap
  return cap
end
