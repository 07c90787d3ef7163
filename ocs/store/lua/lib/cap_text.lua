-- Purpose: say which cap refused or cut a grant.
-- Returns: `holder:cap:unit:remaining:reset_ms`
local function cap_text(cap)
  local reset_ms = cap.lifetime and 0 or cap.finish
  return string.format('%s:%s:%s:%d:%d', cap.holder.name, cap.id, cap.unit,
    math.max(0, cap.headroom), reset_ms)
end
