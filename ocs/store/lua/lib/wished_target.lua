-- Purpose: the boundary up to which a wish would be rated, or the last one that can be priced.
-- Include: cost, reach, round_down, target_of
-- Returns: units
local function wished_target(rate, session, requested)
  local target = target_of(rate, session, requested)
  if target then return target end
  local start = session.paid_to
  target = reach(rate, start, LIMITS.QUANTITY_MAX, LIMITS.QUANTITY_MAX - cost(rate, start))
  return round_down(rate, target)
end
