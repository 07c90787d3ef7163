-- Purpose: move a cap's counter; one of an earlier period starts again. spent stays at 2^53-1
--   rather than pass it. Only account caps store what is held. A rolling cap moves by its slot.
-- Include: open_slot
-- Returns: nothing
local function count_cap(account, cap, period, spent, held)
  if cap.holder ~= account then
    if spent == 0 then return end
    held = 0
  end
  if cap.slots then cap = open_slot(cap, period) end
  if cap.period < period then cap.period, cap.spent, cap.reserved = period, 0, 0 end
  spent = cap.spent + spent
  cap.spent = spent < LIMITS.QUANTITY_MAX and spent or LIMITS.QUANTITY_MAX
  cap.reserved = cap.reserved + held
  if not cap.touched then
    cap.touched = true
    account.touched[#account.touched + 1] = cap
  end
end
