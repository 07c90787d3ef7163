-- Purpose: charge a stretch to what a reservation holds, in memory; give the rest back unless it is
--   kept. Its cap lines are settled by settle_cap_lines.
-- Include: allocate
-- Returns: nothing; charge gains segments, at, fee_left and micros; hold.lines is what is left
local function settle_hold(hold, charge, keep_rest)
  local lines, paid, left, rate = hold.lines, {}, {}, charge.rate
  local segments, at, fee =
    allocate(rate, charge.start, charge.finish, lines, charge.connect, true)
  for i = 1, #segments do
    local bucket, quantity = segments[i].bucket, segments[i].quantity
    paid[bucket] = quantity
    if bucket.money then charge.micros = charge.micros + quantity end
  end
  for i = 1, #lines do
    local bucket, held = lines[i].bucket, lines[i].quantity
    local quantity = paid[bucket] or 0
    bucket.reserved = bucket.reserved - (keep_rest and quantity or held)
    bucket.balance, bucket.spent = bucket.balance - quantity, bucket.spent + quantity
    if held > quantity then
      left[#left + 1] = bucket.id .. string.format(':%d', held - quantity)
    end
  end
  charge.segments, charge.at, charge.fee_left, hold.lines = segments, at, fee, left
end
