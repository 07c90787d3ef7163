-- Purpose: say who paid for which stretch, if a bucket paid for two of them; else payments say it.
-- Returns: lines `bucket:units` in order, or none
local function stretches_of(segments)
  -- Somebody else pays between: most charges cannot have it.
  if #segments < 3 then return {} end
  local runs, last, seen, twice = {}, nil, {}, false
  for i = 1, #segments do
    local bucket, units = segments[i].bucket, segments[i].finish - segments[i].start
    if units > 0 then
      if last and last.bucket == bucket then
        last.units = last.units + units
      else
        twice, seen[bucket] = twice or seen[bucket], true
        last = {bucket = bucket, units = units}
        runs[#runs + 1] = last
      end
    end
  end
  if not twice then return {} end
  for i = 1, #runs do runs[i] = runs[i].bucket.id .. string.format(':%d', runs[i].units) end
  return runs
end
