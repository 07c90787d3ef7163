-- Purpose: parse a cap's counter, once a call. Account: `period spent reserved`; subscriber and
--   group: `period spent`, what is held stands in their own holds.
-- Returns: the counter; period is -1 if it never counted
local function read_counter(holder, cap_id)
  local counter = holder.counters[cap_id]
  if counter then return counter end
  counter = {id = cap_id, holder = holder, period = -1, spent = 0, reserved = 0, touched = false,
    dirty = false}
  local text = holder.fields['c:' .. cap_id]
  if text then
    local period, spent, reserved = string.match(text, '^(%d+) (%d+) ?(%d*)$')
    if not period then error({err = 'STATE_CORRUPT cap'}) end
    counter.period, counter.spent = period + 0, spent + 0
    if reserved ~= '' then counter.reserved = reserved + 0 end
  end
  holder.counters[cap_id] = counter
  return counter
end
