-- Purpose: when a hold lapses that is valid for so long.
-- Returns: store time
local function hold_until(now, validity)
  return now + validity + math.max(validity, LIMITS.EXPIRE_GRACE_MIN_MS)
end
