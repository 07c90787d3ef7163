-- Purpose: what live holds of one period hold in a subscriber's or group's cap.
-- Returns: the sum
local function reserved_in(holder, cap_id, period)
  local sum = 0
  for _, lines in pairs(holder.holds) do
    for id, start_ms, quantity in string.gmatch(lines, '([^:,]+):(%d+):(%d+)') do
      if id == cap_id and tonumber(start_ms) == period then sum = sum + quantity end
    end
  end
  return sum
end
