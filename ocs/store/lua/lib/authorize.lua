-- Purpose: decide whether a charge can be paid for in full, and every cap has room for it.
-- Include: allocate, cap_text, measure_cap, money_within, sources_for
-- Returns: an outcome and the cap that refused; empty if nothing refuses
local function authorize(account, terms, charge, caps)
  local start, target = charge.start, charge.finish
  local segments, at, fee = allocate(charge.rate, start, target, sources_for(account, terms),
    charge.connect)
  if at < target or fee > 0 then return 'CREDIT_LIMIT_REACHED' end
  local money = money_within(charge.rate, segments, target)
  for i = 1, #caps do
    local cap = caps[i]
    if (cap.listed.money and money or target - start) > measure_cap(account, cap) then
      return 'SPENDING_CAP_REACHED', cap_text(cap)
    end
  end
  return ''
end
