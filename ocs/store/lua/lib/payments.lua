-- Purpose: say who paid, in order; a bucket that paid twice is one line.
-- Returns: nothing; charge.payments for the answer, tokens gain the same for the event
local function payments(charge, tokens)
  local lines, by_id = {}, {}
  for _, segment in ipairs(charge.segments) do
    local line = by_id[segment.bucket.id]
    if not line then
      line = {id = segment.bucket.id, units = 0, micros = 0}
      by_id[line.id], lines[#lines + 1] = line, line
    end
    line.units = line.units + segment.finish - segment.start
    if segment.bucket.money then line.micros = line.micros + segment.quantity end
  end
  for i, line in ipairs(lines) do
    lines[i] = string.format('%s:%d:%d', line.id, line.units, line.micros)
    tokens[#tokens + 1] = 'y=' .. lines[i]
  end
  charge.payments = #lines > 0 and table.concat(lines, ',') or '-'
end
