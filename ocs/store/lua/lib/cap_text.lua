-- Purpose: say which cap refused or cut a grant.
-- Returns: `holder:cap:unit:remaining:reset_ms`
local function cap_text(cap)
  local listed = cap.listed
  return string.format('%s:%s:%s:%d:%d', cap.holder.name, listed.id, listed.unit, cap.headroom,
    listed.lifetime and 0 or cap.finish)
end
