-- Purpose: where the account's use of a tier stands in this period; a rate that goes by it says
--   which counter that is.
-- Returns: units used, and units held
local function tier_counter(caps, tier)
  for i = 1, #caps do
    local cap = caps[i]
    if cap.id == tier then
      if cap.period ~= cap.current then return 0, 0 end
      return cap.spent, cap.reserved
    end
  end
  return 0, 0
end
