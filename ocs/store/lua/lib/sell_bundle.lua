-- Purpose: take the price of a bundle and open its buckets, in memory, or say why not. Only money
--   pays, and only caps of money count: terms meter the price itself.
-- Include: authorize, new_charge, no_grant, open_contents, settle_available, status_denial
-- Returns: the sale: outcome, and if CHARGED charge, opened, tokens and lines
local function sell_bundle(account, bundle_id, bundle, terms, caps, refusal, start, finish)
  local sale = no_grant(status_denial(account) or refusal)
  sale.tokens, sale.lines = '', '-'
  if sale.outcome == '' and #account.ids + #bundle > LIMITS.BUCKETS_MAX then
    sale.outcome = 'TOO_MANY_BUCKETS'
  end
  if sale.outcome ~= '' then return sale end
  local charge = new_charge(terms.rate, 0, bundle.price, 0)
  sale.outcome, sale.cap = authorize(account, terms, charge, caps)
  if sale.outcome ~= '' then return sale end
  settle_available(account, terms, charge, caps)
  -- What it was paid with are no units of a service.
  charge.units = 0
  for i, line in ipairs(charge.payments) do
    local id, micros = string.match(line, '^([^:]+):%d+:(%d+)$')
    charge.payments[i] = id .. ':0:' .. micros
    sale.tokens = sale.tokens .. ' y=' .. charge.payments[i]
  end
  local tokens
  sale.opened, tokens, sale.lines = open_contents(account, bundle_id, bundle, start, finish)
  sale.outcome, sale.expire_ms, sale.charge = 'CHARGED', finish, charge
  sale.tokens = sale.tokens .. tokens
  return sale
end
