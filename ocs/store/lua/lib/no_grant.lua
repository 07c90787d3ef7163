-- Purpose: what an answer says of a grant where none was asked for or given.
-- Returns: an empty grant
local function no_grant(outcome)
  return {outcome = outcome, granted = 0, valid_until = 0, expire_ms = 0, change = 0, micros = 0,
    final = false}
end
