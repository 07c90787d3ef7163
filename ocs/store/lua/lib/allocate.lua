-- Purpose: cover [start, finish) from sources in order, cut only where the payer changes. Both ends
--   are priced. A source is {bucket, capacity}; money that does not reach pays for what it can.
-- Include: cost, reach
-- Returns: segments {bucket, start, finish, quantity}, and how far they cover
local function allocate(rate, start, finish, sources)
  local segments, at = {}, start
  for _, source in ipairs(sources) do
    if at >= finish then break end
    local to, quantity
    if source.bucket.money then
      to = reach(rate, at, finish, source.capacity)
      quantity = cost(rate, to) - cost(rate, at)
    else
      to = math.min(finish, at + source.capacity)
      quantity = to - at
    end
    if to > at then
      segments[#segments + 1] =
        {bucket = source.bucket, start = at, finish = to, quantity = quantity}
      at = to
    end
  end
  return segments, at
end
