-- Purpose: the increment boundary a session is rated up to after more use, never below what it is
--   rated up to already; and just that if nothing was used, whatever increments there are now.
-- Include: cost, step_at
-- Returns: units, or nil past the exact range
local function target_of(rate, session, units)
  local position = session.position + units
  if position > LIMITS.QUANTITY_MAX then return nil end
  local step = step_at(rate.grid, position)
  local over = math.fmod(position - step.start, step.increment)
  if over > 0 then position = position - over + step.increment end
  if position > LIMITS.QUANTITY_MAX then return nil end
  -- Another rate may have rated the session up to where this one has no price any more.
  local target = units > 0 and math.max(session.paid_to, position) or session.paid_to
  return cost(rate, target) and target
end
