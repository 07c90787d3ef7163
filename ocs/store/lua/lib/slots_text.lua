-- Purpose: spell the slots of a rolling cap as lib/parse_slots reads them, oldest first; those that
--   are empty or have left the window are forgotten.
-- Include: first_slot
-- Returns: the text, or nil if none has changed
local function slots_text(cap)
  local changed, parts, window = false, {}, cap.window
  for _, slot in pairs(cap.slots) do changed = changed or slot.dirty end
  if not changed then return nil end
  local own = cap.holder.name == 'account'
  local start = first_slot(window, cap.holder.now)
  for _ = 1, window.count do
    local slot = cap.slots[start]
    if slot and (slot.spent > 0 or slot.reserved > 0) then
      parts[#parts + 1] = string.format('%d:%d', start, slot.spent)
        .. (own and string.format(':%d', slot.reserved) or '')
    end
    start = start + window.slot_ms
  end
  return string.format('rolling/%d/%d ', window.count, window.slot_ms)
    .. (#parts > 0 and table.concat(parts, ',') or '-')
end
