-- Purpose: move a cap's counter; one of an earlier period starts again. spent stays at 2^53-1
--   rather than pass it. Only account caps store what is held.
-- Returns: nothing
local function count_cap(account, counter, period, spent, held)
  if counter.holder ~= account then
    if spent == 0 then return end
    held = 0
  end
  if counter.period < period then
    counter.period, counter.spent, counter.reserved = period, 0, 0
  end
  spent = counter.spent + spent
  counter.spent = spent < LIMITS.QUANTITY_MAX and spent or LIMITS.QUANTITY_MAX
  counter.reserved = counter.reserved + held
  if not counter.touched then
    counter.touched = true
    account.touched[#account.touched + 1] = counter
  end
end
