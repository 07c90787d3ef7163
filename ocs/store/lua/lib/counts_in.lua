-- Purpose: tell whether what belongs to a period still moves a cap's counter: not once it has
--   moved on, or the slot has left a rolling window.
-- Include: first_slot
-- Returns: boolean
local function counts_in(cap, period)
  if cap.slots then return period >= first_slot(cap.window, cap.holder.now) end
  return cap.period <= period
end
