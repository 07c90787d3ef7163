-- Purpose: charge a stretch to what a reservation holds, in memory; give the rest back unless it is
--   kept. Money and units are counted by settle_cap_lines.
-- Include: allocate
-- Returns: nothing; charge gains segments, at and micros, hold.lines what is left, spelled
local function settle_hold(hold, rate, charge, keep)
  local sources = {}
  for i, line in ipairs(hold.lines) do
    sources[i] = {bucket = line.bucket, capacity = line.quantity}
  end
  charge.segments, charge.at = allocate(rate, charge.start, charge.finish, sources)
  local paid, left = {}, {}
  for _, segment in ipairs(charge.segments) do
    paid[segment.bucket] = segment.quantity
    if segment.bucket.money then charge.micros = charge.micros + segment.quantity end
  end
  for _, line in ipairs(hold.lines) do
    local bucket, quantity = line.bucket, paid[line.bucket] or 0
    bucket.reserved = bucket.reserved - (keep and quantity or line.quantity)
    bucket.balance, bucket.spent = bucket.balance - quantity, bucket.spent + quantity
    if line.quantity > quantity then
      left[#left + 1] = string.format('%s:%d', bucket.id, line.quantity - quantity)
    end
  end
  hold.lines = left
end
