-- Purpose: what live holds of one period hold in a subscriber's or group's cap. A hold has at most
--   one line for a cap.
-- Returns: the sum
local function reserved_in(holder, cap_id, period)
  local sum, prefix = 0, ',' .. cap_id .. string.format(':%d:', period)
  for _, lines in pairs(holder.holds) do
    local _, last = string.find(lines, prefix, 1, true)
    if last then sum = sum + string.match(lines, '^%d+', last + 1) end
  end
  return sum
end
