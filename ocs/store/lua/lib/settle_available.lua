-- Purpose: charge what no hold covered from what is available, in memory; the rest is uncollected.
--   Caps do not refuse it: use that happened counts when it is charged, money as collected, units as
--   used.
-- Include: allocate, cost, count_cap, sources_for
-- Returns: nothing; charge is complete
local function settle_available(account, terms, charge, caps)
  local rate = terms.rate
  if charge.at < charge.finish then
    local segments, at = allocate(rate, charge.at, charge.finish, sources_for(account, terms))
    for _, segment in ipairs(segments) do
      local bucket, quantity = segment.bucket, segment.quantity
      bucket.balance, bucket.spent = bucket.balance - quantity, bucket.spent + quantity
      if bucket.money then charge.micros = charge.micros + quantity end
      charge.segments[#charge.segments + 1] = segment
    end
    charge.at = at
  end
  charge.units = charge.finish - charge.start
  charge.uncollected_units = charge.finish - charge.at
  charge.uncollected_micros = cost(rate, charge.finish) - cost(rate, charge.at)
  for _, cap in ipairs(caps) do
    if cap.finish > 0 then
      local counted = charge.counted[cap.holder.name .. ':' .. cap.id] or 0
      local extra = (cap.money and charge.micros or charge.units) - counted
      if extra > 0 then count_cap(account, cap.holder, cap.id, cap.period, extra, 0) end
    end
  end
end
