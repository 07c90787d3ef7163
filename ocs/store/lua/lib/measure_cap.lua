-- Purpose: what a cap leaves room for now: limit - spent - reserved, never below 0.
-- Include: reserved_in
-- Returns: the headroom; the cap keeps it for lib/cap_text
local function measure_cap(account, cap)
  local headroom, counter = cap.listed.limit, cap.counter
  if counter then
    if counter.period == cap.period then headroom = headroom - counter.spent - counter.reserved end
    if cap.holder ~= account then
      headroom = headroom - reserved_in(cap.holder, counter.id, cap.period)
    end
  end
  cap.headroom = headroom > 0 and headroom or 0
  return cap.headroom
end
