-- Purpose: (rest + units * num) / den, rounded, exact: the only place where money is multiplied.
--   rest < den and (den - 1) * num + rest <= 2^53-1, so every product below is a whole number a
--   double holds; Lua's % is not exact near 2^53, fmod is.
-- Returns: quanta, or nil past 2^53-1
local function muldiv(units, num, den, rest, rounding)
  local over = math.fmod(units, den)
  local product = over * num + rest
  local fraction = math.fmod(product, den)
  local whole = (units - over) / den * num
  if whole > LIMITS.QUANTITY_MAX then return nil end
  local result = whole + (product - fraction) / den
  if rounding == 'half_up' then
    if fraction * 2 >= den then result = result + 1 end
  elseif rounding == 'up' and fraction > 0 then
    result = result + 1
  end
  if result > LIMITS.QUANTITY_MAX then return nil end
  return result
end
