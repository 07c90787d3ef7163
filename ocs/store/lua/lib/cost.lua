-- Purpose: C(units), the price of a session up to a position. A step goes on from what those before
--   it cost, so that all of it is rounded once.
-- Include: muldiv, step_at
-- Returns: micro-units, or nil where it would pass 2^53-1, with the connect fee
local function cost(rate, units)
  local step = step_at(rate, units)
  local quanta = muldiv(units - step.start, step.num, step.den, step.rest, rate.rounding)
  local micros = quanta and (step.base + quanta) * rate.quantum
  if micros and micros <= rate.max then return micros end
  return rate.bounded and rate.max or nil
end
