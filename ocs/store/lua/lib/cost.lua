-- Purpose: C(units), the price of a session up to a position. Rate is {increment, num, den}.
-- Include: muldiv
-- Returns: micro-units, or nil past 2^53-1
local function cost(rate, units)
  return muldiv(units, rate.num, rate.den)
end
