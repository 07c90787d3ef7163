-- Purpose: the part of an event that tells of a charge.
-- Include: steps_of, stretches_of
-- Returns: tokens, each behind a space
local function charge_tokens(charge, used, session, flags)
  local text = string.format(' u=%d p=%d:%d:%d:%d', used, session.position - used, charge.start,
    session.position, session.paid_to) .. ' S=' .. table.concat(steps_of(charge), ' S=')
  if #charge.payments > 0 then text = text .. ' y=' .. table.concat(charge.payments, ' y=') end
  local stretches = stretches_of(charge.segments)
  if #stretches > 0 then text = text .. ' Y=' .. table.concat(stretches, ' Y=') end
  if charge.connect > 0 then text = text .. string.format(' c=%d', charge.connect) end
  if charge.uncollected_units > 0 or charge.uncollected_micros > 0 then
    text = text .. string.format(' x=%d:%d', charge.uncollected_units, charge.uncollected_micros)
  end
  if flags ~= '' then text = text .. ' f=' .. flags end
  return text
end
