-- Purpose: units * num / den, half up, exact: the only place where money is multiplied. num / den
--   is reduced and (den - 1) * num <= 2^53-1, so every product below is a whole number a double
--   holds; Lua's % is not exact near 2^53, fmod is.
-- Returns: micro-units, or nil past 2^53-1
local function muldiv(units, num, den)
  local rest = math.fmod(units, den)
  local product = rest * num
  local fraction = math.fmod(product, den)
  local whole = (units - rest) / den * num
  if whole > LIMITS.QUANTITY_MAX then return nil end
  local result = whole + (product - fraction) / den
  if fraction * 2 >= den then result = result + 1 end
  if result > LIMITS.QUANTITY_MAX then return nil end
  return result
end
