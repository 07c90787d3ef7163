-- Purpose: say who paid, in order; a bucket that paid twice is one line.
-- Returns: lines `bucket:units:micros`
local function payments_of(segments)
  local lines, by_bucket = {}, {}
  for i = 1, #segments do
    local segment = segments[i]
    local bucket = segment.bucket
    local line = by_bucket[bucket]
    if not line then
      line = {bucket = bucket, units = 0, micros = 0}
      by_bucket[bucket], lines[#lines + 1] = line, line
    end
    line.units = line.units + (segment.finish - segment.start)
    if bucket.money then line.micros = line.micros + segment.quantity end
  end
  for i = 1, #lines do
    local line = lines[i]
    lines[i] = line.bucket.id .. string.format(':%d:%d', line.units, line.micros)
  end
  return lines
end
