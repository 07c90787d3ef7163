-- Purpose: cut a coverage short at a position; the connect fee stays.
-- Include: cost
-- Returns: nothing; segments change in place
local function clip(rate, segments, finish)
  for i = #segments, 1, -1 do
    local segment = segments[i]
    if segment.finish <= finish then return end
    if segment.start >= finish and segment.fee == 0 then
      table.remove(segments, i)
    else
      local start = math.min(segment.start, finish)
      segment.start, segment.finish = start, finish
      if segment.bucket.money then
        segment.quantity = segment.fee + cost(rate, finish) - cost(rate, start)
      else
        segment.quantity = finish - start
      end
    end
  end
end
