-- Purpose: one slot of a rolling cap, made if it has none: a counter of its own.
-- Returns: the slot
local function open_slot(cap, start)
  local slot = cap.slots[start]
  if not slot then
    slot = {id = cap.id, holder = cap.holder, period = start, spent = 0, reserved = 0,
      touched = false, dirty = false}
    cap.slots[start] = slot
  end
  return slot
end
