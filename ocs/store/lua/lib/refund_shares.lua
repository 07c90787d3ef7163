-- Purpose: what each bucket that paid gets back: the shares `bucket:quantity,...` that are wanted,
--   - for all that is left, within what the event collected and earlier refunds left.
-- Returns: shares {line, quantity}, or nil if they exceed it or there is nothing; the lines gain
--   back, all that was ever given back of them
local function refund_shares(paid, refunded, wanted)
  local shares = {}
  for i = 1, #paid do paid[i].back = 0 end
  for id, quantity in string.gmatch(refunded or '', '([^:,]+):(%d+)') do
    if not paid[id] then error({err = 'STATE_CORRUPT refund'}) end
    paid[id].back = quantity + 0
  end
  if wanted == '-' then
    for i = 1, #paid do
      local rest = paid[i].quantity - paid[i].back
      if rest > 0 then shares[#shares + 1] = {line = paid[i], quantity = rest} end
    end
  else
    for id, quantity in string.gmatch(wanted, '([^:,]+):(%d+)') do
      local line = paid[id]
      if not line or quantity + 0 > line.quantity - line.back then return nil end
      shares[#shares + 1] = {line = line, quantity = quantity + 0}
    end
  end
  for i = 1, #shares do
    local line = shares[i].line
    line.back = line.back + shares[i].quantity
  end
  return #shares > 0 and shares or nil
end
