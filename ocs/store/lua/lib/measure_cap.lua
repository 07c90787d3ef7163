-- Purpose: what a cap leaves room for now: limit - spent - reserved, never below 0.
-- Include: measure_window, reserved_in
-- Returns: the headroom; the cap keeps it for lib/cap_text
local function measure_cap(account, cap)
  local headroom, current = cap.listed.limit, cap.current
  if cap.slots then
    local taken
    taken, cap.frees = measure_window(account, cap)
    headroom = headroom - taken
  elseif cap.finish > 0 then
    if cap.period == current then headroom = headroom - cap.spent - cap.reserved end
    if cap.holder ~= account then
      headroom = headroom - reserved_in(cap.holder, cap.id, current)
    end
  end
  cap.headroom = headroom > 0 and headroom or 0
  return cap.headroom
end
