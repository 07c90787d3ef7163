-- Purpose: the parts of an event that tell of a charge.
-- Include: payments
-- Returns: tokens
local function charge_tokens(charge, used, before, after, flags)
  local tokens = {
    string.format('u=%d', used),
    string.format('p=%d:%d:%d:%d', before.position, before.paid_to, after.position,
      after.paid_to),
  }
  payments(charge, tokens)
  if charge.uncollected_units > 0 then
    tokens[#tokens + 1] =
      string.format('x=%d:%d', charge.uncollected_units, charge.uncollected_micros)
  end
  if flags ~= '' then tokens[#tokens + 1] = 'f=' .. flags end
  return tokens
end
