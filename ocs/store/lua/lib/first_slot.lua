-- Purpose: the oldest slot that is inside a rolling window {count, slot_ms} now. Slots are counted
--   from 1970 UTC, so there is nothing to store of where they begin.
-- Returns: the slot's start
local function first_slot(window, now)
  return now - math.fmod(now, window.slot_ms) - (window.count - 1) * window.slot_ms
end
