-- Purpose: the last increment boundary up to which a coverage costs no more than micros. The money
--   never falls with the position, so halving finds it in at most 53 steps.
-- Include: money_within
-- Returns: units
local function last_within(rate, start, to, segments, micros)
  local low, high = 0, math.floor((to - start) / rate.increment)
  while low < high do
    local middle = low + math.floor((high - low + 1) / 2)
    if money_within(rate, segments, start + middle * rate.increment) <= micros then
      low = middle
    else
      high = middle - 1
    end
  end
  return start + low * rate.increment
end
