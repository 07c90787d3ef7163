-- Purpose: the last increment boundary at or before a position.
-- Include: step_at
-- Returns: units
local function round_down(rate, units)
  local step = step_at(rate.grid, units)
  return units - math.fmod(units - step.start, step.increment)
end
