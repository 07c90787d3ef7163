-- Purpose: the largest e in [start, finish] whose stretch from start costs at most micros. Cost
--   never falls, so halving finds it in at most 53 steps.
-- Include: cost
-- Returns: units
local function reach(rate, start, finish, micros)
  local base = cost(rate, start)
  local total = cost(rate, finish)
  if total and total - base <= micros then return finish end
  local low, high = start, finish - 1
  while low < high do
    local middle = low + math.floor((high - low + 1) / 2)
    total = cost(rate, middle)
    if total and total - base <= micros then low = middle else high = middle - 1 end
  end
  return low
end
