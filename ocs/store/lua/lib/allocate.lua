-- Purpose: cover [start, finish) from sources in order, cut only where the payer changes. Both ends
--   are priced. A source is {bucket, quantity}; money that does not reach pays for what it can, and
--   before that for what is due of the connect fee. What of it is held for the fee alone pays for
--   no use, not even for what costs nothing: a bucket of units that is still available comes first.
-- Include: reach
-- Returns: segments {bucket, start, finish, quantity, fee}, how far they cover, and the fee left
local function allocate(rate, start, finish, sources, fee, from_hold)
  local segments, at = {}, start
  for i = 1, #sources do
    if at >= finish and fee == 0 then break end
    local bucket, capacity = sources[i].bucket, sources[i].quantity
    local to, quantity, part = at, 0, 0
    if bucket.money then
      if fee > 0 and capacity > 0 then part = math.min(fee, capacity) end
      if at < finish and (capacity > part or not from_hold) then
        to, quantity = reach(rate, at, finish, capacity - part)
      end
      fee, quantity = fee - part, quantity + part
    elseif at < finish then
      to = finish - at < capacity and finish or at + capacity
      quantity = to - at
    end
    if to > at or part > 0 then
      segments[#segments + 1] = {
        bucket = bucket, start = at, finish = to, quantity = quantity, fee = part,
      }
      at = to
    end
  end
  return segments, at, fee
end
