-- Purpose: the largest e in [start, finish] whose stretch from start costs at most micros. Cost
--   never falls, so halving finds it in at most 53 steps. start is priced.
-- Include: cost
-- Returns: units, and what the stretch costs
local function reach(rate, start, finish, micros)
  local base, total = cost(rate, start), cost(rate, finish)
  if total and total - base <= micros then return finish, total - base end
  local low, high, price = start, finish - 1, 0
  while low < high do
    local middle = low + math.floor((high - low + 1) / 2)
    total = cost(rate, middle)
    if total and total - base <= micros then
      low, price = middle, total - base
    else
      high = middle - 1
    end
  end
  return low, price
end
