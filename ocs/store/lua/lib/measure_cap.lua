-- Purpose: what a cap leaves room for now: limit - spent - reserved, never below 0.
-- Include: reserved_in
-- Returns: the headroom; the cap keeps it for lib/cap_text
local function measure_cap(account, cap)
  local headroom, current = cap.listed.limit, cap.current
  if cap.finish > 0 then
    if cap.period == current then headroom = headroom - cap.spent - cap.reserved end
    if cap.holder ~= account then
      headroom = headroom - reserved_in(cap.holder, cap.id, current)
    end
  end
  cap.headroom = headroom > 0 and headroom or 0
  return cap.headroom
end
