-- Purpose: what the slots of a rolling cap that are inside have spent and reserved together.
-- Include: first_slot
-- Returns: the sum, and when the oldest of them leaves: 0 if all are empty
local function measure_window(account, cap)
  local window, sum, oldest = cap.window, 0, math.huge
  local first = first_slot(window, account.now)
  for start, slot in pairs(cap.slots) do
    local taken = slot.spent + slot.reserved
    if start >= first and taken > 0 then
      sum, oldest = sum + taken, math.min(oldest, start)
    end
  end
  if cap.holder ~= account then
    local prefix = ',' .. cap.id .. ':'
    for _, lines in pairs(cap.holder.holds) do
      local _, last = string.find(lines, prefix, 1, true)
      if last then
        local start, quantity = string.match(lines, '^(%d+):(%d+)', last + 1)
        if start + 0 >= first then
          sum, oldest = sum + quantity, math.min(oldest, start + 0)
        end
      end
    end
  end
  return sum, oldest < math.huge and oldest + window.count * window.slot_ms or 0
end
