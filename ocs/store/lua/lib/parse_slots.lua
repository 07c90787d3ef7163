-- Purpose: read the slots of a rolling cap: `rolling/slots/slot_ms start:spent:reserved,...`, in a
--   subscriber's or group's key `start:spent`, - for none.
-- Include: open_slot
-- Returns: nothing; the cap gains slots and window
local function parse_slots(cap, text)
  local count, slot_ms, slots = string.match(text, '^rolling/(%d+)/(%d+) (%S+)$')
  if not count then error({err = 'STATE_CORRUPT cap'}) end
  cap.slots, cap.window = {}, {count = count + 0, slot_ms = slot_ms + 0}
  for start, spent, reserved in string.gmatch(slots, '(%d+):(%d+):?(%d*)') do
    local slot = open_slot(cap, start + 0)
    slot.spent = spent + 0
    if reserved ~= '' then slot.reserved = reserved + 0 end
  end
end
