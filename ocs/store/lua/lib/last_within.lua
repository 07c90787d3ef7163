-- Purpose: the last increment boundary before `to` up to which a coverage costs no more than
--   micros. The money never falls with the position, so halving finds it in at most 53 steps.
-- Include: money_within, round_down
-- Returns: units
local function last_within(rate, start, to, segments, micros)
  local low, high = start, to - 1
  while low < high do
    local middle = low + math.floor((high - low + 1) / 2)
    if money_within(rate, segments, middle) <= micros then
      low = middle
    else
      high = middle - 1
    end
  end
  return math.max(start, round_down(rate, low))
end
