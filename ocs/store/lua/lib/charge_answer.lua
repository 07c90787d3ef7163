-- Purpose: spell the answer of a charging operation, after its event; store/answers.py reads it.
--   charge: nil if nothing was charged.
-- Returns: the answer
local function charge_answer(account, outcome, reservation, grant, charge, flags)
  local charged, payments = '0 0 0 0', '-'
  if charge then
    charged = string.format('%d %d %d %d', charge.units, charge.micros, charge.uncollected_units,
      charge.uncollected_micros)
    if #charge.payments > 0 then payments = table.concat(charge.payments, ',') end
  end
  return outcome .. account.moment .. reservation
    .. string.format(' %d %d %d ', grant.granted, grant.valid_until, grant.expire_ms)
    .. (flags == '' and '-' or flags) .. string.format(' %d ', grant.micros) .. charged .. ' '
    .. (grant.cap or '-') .. ' ' .. payments .. string.format(' %d', grant.change)
end
