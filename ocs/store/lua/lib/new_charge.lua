-- Purpose: a charge of the stretch [start, finish), and of a connect fee that is due, that nobody
--   has paid for yet.
-- Returns: the charge
local function new_charge(start, finish, connect)
  return {start = start, finish = finish, at = start, segments = {}, counted = {}, units = 0,
    micros = 0, connect = connect, fee_left = connect, uncollected_units = 0,
    uncollected_micros = 0}
end
