-- Purpose: decide whether a stretch can be paid for in full, and every cap has room for it.
-- Include: allocate, cap_text, sources_for
-- Returns: an outcome and the cap that refused; empty if nothing refuses
local function authorize(account, terms, start, target, caps)
  local segments, at = allocate(terms.rate, start, target, sources_for(account, terms))
  if at < target then return 'CREDIT_LIMIT_REACHED' end
  local money = 0
  for _, segment in ipairs(segments) do
    if segment.bucket.money then money = money + segment.quantity end
  end
  for _, cap in ipairs(caps) do
    if (cap.money and money or target - start) > math.max(0, cap.headroom) then
      return 'SPENDING_CAP_REACHED', cap_text(cap)
    end
  end
  return ''
end
