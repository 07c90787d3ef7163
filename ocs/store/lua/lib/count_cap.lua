-- Purpose: move a cap's counter; one of an earlier period starts again. spent stays at 2^53-1 rather
--   than pass it. Only account caps store what is held.
-- Include: read_counter
-- Returns: nothing
local function count_cap(account, holder, cap_id, period, spent, held)
  if holder ~= account then
    if spent == 0 then return end
    held = 0
  end
  local counter = read_counter(holder, cap_id)
  if counter.period < period then
    counter.period, counter.spent, counter.reserved = period, 0, 0
  end
  counter.spent = math.min(LIMITS.QUANTITY_MAX, counter.spent + spent)
  counter.reserved = counter.reserved + held
  if not counter.touched then
    counter.touched = true
    account.touched[#account.touched + 1] = counter
  end
end
