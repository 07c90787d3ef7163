-- Purpose: how long until the gateway must come back: cut at the next price change, cap period end
--   or bucket expiry, and then shortened by the jitter, so that not every gateway comes back at
--   midnight.
-- Returns: milliseconds
local function grant_validity(now, validity, change, wish, segments, caps)
  local latest = now + validity
  if change > now and change < latest then latest = change end
  for i = 1, #caps do
    local finish = caps[i].finish
    if finish > 0 and finish < latest then latest = finish end
  end
  for i = 1, #segments do
    local expire_ms = segments[i].bucket.terms.expire_ms
    if expire_ms > 0 and expire_ms < latest then latest = expire_ms end
  end
  local cut = latest - now
  if cut >= validity then return validity end
  return math.max(LIMITS.VALIDITY_MIN_MS, cut - math.floor(cut * wish.jitter / 1000))
end
