-- Purpose: what prices a report of use, and up to where that rates the session. pieces: the use by
--   price in order, `units:index` split by commas, 0 for the terms, else the place in `listed`,
--   terms split by |; empty: all of it by the terms. A tier prices from where its counter stands.
-- Include: cost, joined, parse_terms, target_of, tier_counter
-- Returns: the rate and the target; nil, nil without a price inside the exact range
local function price_of_use(terms, session, used, pieces, listed, caps)
  if pieces == '' and not terms.rate.tier then
    return terms.rate, target_of(terms.rate, session, used)
  end
  local rates, parts, total, first = {[0] = terms.rate}, {}, 0, nil
  for text in string.gmatch(listed, '[^|]+') do rates[#rates + 1] = parse_terms(text).rate end
  local start = session.paid_to
  local at = {position = session.position, paid_to = start}
  if pieces == '' then pieces = string.format('%d:0', used) end
  for units, index in string.gmatch(pieces, '(%d+):(%d+)') do
    local rate = rates[index + 0]
    first, units = first or rate, units + 0
    local shift, priced = 0, rate
    if rate.tier then
      shift = tier_counter(caps, rate.tier) - start
      priced = joined(rate, {{rate = rate, shift = shift, add = 0, finish = 0}})
    end
    local target, base = target_of(priced, at, units), cost(priced, at.paid_to)
    if not target or not base then return nil, nil end
    parts[#parts + 1] = {rate = rate, shift = shift, add = total - base, finish = target}
    total = total + (cost(priced, target) - base)
    at.position, at.paid_to = at.position + units, target
  end
  if total > LIMITS.QUANTITY_MAX - first.connect then return nil, nil end
  return joined(first, parts), at.paid_to
end
