-- Purpose: charge what no hold covered from what is available, in memory; the rest is uncollected.
--   Caps do not refuse it: use that happened counts when it is charged, money as collected, units
--   as used.
-- Include: allocate, cost, count_cap, payments_of, sources_for
-- Returns: nothing; charge is complete
local function settle_available(account, terms, charge, caps)
  local rate, all = charge.rate, charge.segments
  if charge.at < charge.finish or charge.fee_left > 0 then
    local segments, at, fee = allocate(rate, charge.at, charge.finish,
      sources_for(account, terms), charge.fee_left)
    for i = 1, #segments do
      local bucket, quantity = segments[i].bucket, segments[i].quantity
      bucket.balance, bucket.spent = bucket.balance - quantity, bucket.spent + quantity
      if bucket.money then charge.micros = charge.micros + quantity end
      all[#all + 1] = segments[i]
    end
    charge.at, charge.fee_left = at, fee
  end
  charge.units, charge.payments = charge.finish - charge.start, payments_of(all)
  if charge.at < charge.finish then
    charge.uncollected_units = charge.finish - charge.at
    charge.uncollected_micros = cost(rate, charge.finish) - cost(rate, charge.at)
  end
  charge.uncollected_micros = charge.uncollected_micros + charge.fee_left
  for i = 1, #caps do
    local cap = caps[i]
    if cap.finish > 0 then
      local extra = (cap.listed.money and charge.micros or charge.units)
        - (charge.counted[cap] or 0)
      if extra > 0 then count_cap(account, cap, cap.current, extra, 0) end
    end
  end
end
