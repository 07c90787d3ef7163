-- Purpose: say by which steps of its price lists a charge was rated: of each list in order the
--   first and the last, counted from 1. What an earlier charge rounded up to has the next step.
-- Include: step_at
-- Returns: lines `first:last`, one for each price that the charge is joined from
local function steps_of(charge)
  local rate, at, lines = charge.rate, charge.start, {}
  local parts = rate.parts or {{rate = rate, shift = 0, finish = charge.finish}}
  for i = 1, #parts do
    local part = parts[i]
    local last = math.max(at, part.finish - 1)
    lines[i] = string.format('%d:%d', step_at(part.rate, at + part.shift).number,
      step_at(part.rate, last + part.shift).number)
    at = part.finish
  end
  return lines
end
