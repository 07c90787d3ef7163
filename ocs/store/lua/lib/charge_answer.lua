-- Purpose: spell the answer of a charging operation; store/answers.py reads it.
-- Returns: the answer
local function charge_answer(account, outcome, reservation, grant, charge, flags)
  return string.format('%s %d %d %s %d %d %d %s %d %d %d %d %d %s %s',
    outcome, account.seq, account.now, reservation, grant.granted, grant.valid_until,
    grant.expire_ms, flags == '' and '-' or flags, grant.micros, charge.units, charge.micros,
    charge.uncollected_units, charge.uncollected_micros, grant.cap or '-', charge.payments)
end
