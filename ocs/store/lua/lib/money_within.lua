-- Purpose: the money a coverage costs up to a position.
-- Include: cost
-- Returns: micro-units
local function money_within(rate, segments, finish)
  local money = 0
  for _, segment in ipairs(segments) do
    if segment.start >= finish then break end
    if segment.bucket.money then
      money = money + cost(rate, math.min(segment.finish, finish)) - cost(rate, segment.start)
    end
  end
  return money
end
