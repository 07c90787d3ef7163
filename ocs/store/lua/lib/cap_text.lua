-- Purpose: say which cap refused or cut a grant.
-- Returns: `holder:cap:unit:remaining:reset_ms`
local function cap_text(cap)
  local listed = cap.listed
  local reset = cap.finish
  if cap.slots then reset = cap.frees elseif listed.lifetime then reset = 0 end
  return string.format('%s:%s:%s:%d:%d', cap.holder.name, listed.id, listed.unit, cap.headroom,
    reset)
end
