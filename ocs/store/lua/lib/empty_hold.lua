-- Purpose: what keeps a reservation open that was refused its next grant: it holds nothing.
-- Include: hold_until
-- Returns: the hold
local function empty_hold(now, validity)
  return {expire_ms = hold_until(now, validity), granted = 0, lines = {}, cap_lines = {}}
end
