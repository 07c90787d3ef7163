-- Purpose: several rates that price one stretch together, see lib/cost. A part prices
--   C(units + shift) + add, up to its finish; grid and connect are those of the first rate.
-- Returns: the joined rate
local function joined(first, parts, dearest)
  return {parts = parts, dearest = dearest, grid = first.grid, connect = first.connect,
    max = LIMITS.QUANTITY_MAX - first.connect}
end
