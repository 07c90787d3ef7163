-- Purpose: the connect fee of more use: an item of its own, once, at a session's first used unit.
-- Returns: micro-units
local function connect_due(rate, session, units)
  return session.position == 0 and units > 0 and rate.connect or 0
end
