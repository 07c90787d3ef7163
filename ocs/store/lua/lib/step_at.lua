-- Purpose: the step that prices what comes after a position.
-- Returns: the step {start, increment, num, den, base, rest}
local function step_at(rate, units)
  for i = rate.count, 2, -1 do
    if rate[i].start <= units then return rate[i] end
  end
  return rate[1]
end
