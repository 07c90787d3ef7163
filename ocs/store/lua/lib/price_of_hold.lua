-- Purpose: what a grant is held at: the dearest of what its use may come to be priced by. later:
--   the terms after the next price change, if the hold may be used beyond it, else empty. Use of a
--   tier may begin anywhere from where its counter stands to where all that is held of it ends.
-- Include: cost, joined, parse_terms, tier_counter
-- Returns: the rate, or nil without a price inside the exact range
local function price_of_hold(terms, later, session, requested, caps)
  local first, start, parts = terms.rate, session.paid_to, {}
  if later == '' and not first.tier then return first end
  local connect = first.connect
  local rates = {first, later ~= '' and parse_terms(later).rate or nil}
  for i = 1, #rates do
    local rate = rates[i]
    connect = math.max(connect, rate.connect)
    if not rate.tier then
      local base = cost(rate, start)
      if not base then return nil end
      parts[#parts + 1] = {rate = rate, shift = 0, add = -base}
    else
      local used, held = tier_counter(caps, rate.tier)
      local beyond = used + held + requested + rate[1].increment
      for j = 1, rate.count do
        local step, following = rate[j], rate[j + 1]
        if step.start < beyond and (not following or following.start > used) then
          parts[#parts + 1] = {
            rate = {
              {start = 0, num = step.num, den = step.den, base = 0, rest = 0}, count = 1,
              rounding = 'up', quantum = rate.quantum, connect = rate.connect, bounded = false,
              max = LIMITS.QUANTITY_MAX - rate.connect,
            },
            shift = -start, add = 0,
          }
        end
      end
    end
  end
  local price = joined(first, parts, true)
  price.connect, price.max = connect, LIMITS.QUANTITY_MAX - connect
  return price
end
