-- Purpose: cover [start, finish) from sources in order, cut only where the payer changes. Both ends
--   are priced. A source is {bucket, quantity}; money that does not reach pays for what it can.
-- Include: reach
-- Returns: segments {bucket, start, finish, quantity}, and how far they cover
local function allocate(rate, start, finish, sources)
  local segments, at = {}, start
  for i = 1, #sources do
    if at >= finish then break end
    local bucket, capacity = sources[i].bucket, sources[i].quantity
    local to, quantity
    if bucket.money then
      to, quantity = reach(rate, at, finish, capacity)
    else
      to = finish - at < capacity and finish or at + capacity
      quantity = to - at
    end
    if to > at then
      segments[#segments + 1] = {bucket = bucket, start = at, finish = to, quantity = quantity}
      at = to
    end
  end
  return segments, at
end
