-- Purpose: a charge of the stretch [start, finish) that nobody has paid for yet.
-- Returns: the charge
local function new_charge(start, finish)
  return {start = start, finish = finish, at = start, segments = {}, counted = {}, units = 0,
    micros = 0, uncollected_units = 0, uncollected_micros = 0}
end
