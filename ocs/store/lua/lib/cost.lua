-- Purpose: C(units), the price of a session up to a position. A step goes on from what those before
--   it cost, so that all of it is rounded once. Rates that are joined, see lib/price_of_use and
--   lib/price_of_hold, price by the part that a position is in, or by the dearest part.
-- Include: muldiv, step_at
-- Returns: micro-units, or nil where it would pass 2^53-1, with the connect fee
local function cost(rate, units)
  local parts = rate.parts
  if parts then
    local found = 0
    for i = 1, #parts do
      local part = parts[i]
      if rate.dearest or units <= part.finish or i == #parts then
        local at = units + part.shift
        local micros = at <= LIMITS.QUANTITY_MAX and cost(part.rate, at)
        if not micros then return nil end
        if not rate.dearest then
          found = micros + part.add
          break
        end
        found = math.max(found, micros + part.add)
      end
    end
    return found <= rate.max and found or nil
  end
  local step = step_at(rate, units)
  local quanta = muldiv(units - step.start, step.num, step.den, step.rest, rate.rounding)
  local micros = quanta and (step.base + quanta) * rate.quantum
  if micros and micros <= rate.max then return micros end
  return rate.bounded and rate.max or nil
end
