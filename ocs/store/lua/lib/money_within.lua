-- Purpose: the money a coverage costs up to a position, the connect fee included.
-- Include: cost
-- Returns: micro-units
local function money_within(rate, segments, finish)
  local money = 0
  for i = 1, #segments do
    local segment = segments[i]
    if segment.bucket.money then
      if segment.finish <= finish then
        money = money + segment.quantity
      else
        money = money + segment.fee
        if segment.start < finish then
          money = money + cost(rate, finish) - cost(rate, segment.start)
        end
      end
    end
  end
  return money
end
