-- Purpose: how long until the gateway must come back: cut at the next cap period end or bucket expiry,
--   and then shortened by the jitter, so that not every gateway comes back at midnight.
-- Returns: milliseconds
local function grant_validity(now, validity, wish, segments, caps)
  local cut = validity
  for _, cap in ipairs(caps) do
    if cap.finish > 0 then cut = math.min(cut, cap.finish - now) end
  end
  for _, segment in ipairs(segments) do
    local expire_ms = segment.bucket.expire_ms
    if expire_ms > 0 then cut = math.min(cut, expire_ms - now) end
  end
  if cut >= validity then return validity end
  return math.max(LIMITS.VALIDITY_MIN_MS, cut - math.floor(cut * wish.jitter / 1000))
end
