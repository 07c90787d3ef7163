-- Purpose: a charge of the stretch [start, finish) at a rate, and of a connect fee that is due,
--   that nobody has paid for yet.
-- Returns: the charge
local function new_charge(rate, start, finish, connect)
  return {rate = rate, start = start, finish = finish, at = start, segments = {}, counted = {},
    units = 0, micros = 0, connect = connect, fee_left = connect, uncollected_units = 0,
    uncollected_micros = 0}
end
