-- Purpose: cut a coverage short at a position.
-- Include: cost
-- Returns: nothing; segments change in place
local function clip(rate, segments, finish)
  for i = #segments, 1, -1 do
    local segment = segments[i]
    if segment.finish <= finish then return end
    if segment.start >= finish then
      segments[i] = nil
    else
      segment.finish = finish
      if segment.bucket.money then
        segment.quantity = cost(rate, finish) - cost(rate, segment.start)
      else
        segment.quantity = finish - segment.start
      end
    end
  end
end
