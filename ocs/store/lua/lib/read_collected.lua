-- Purpose: read what an event collected from the journal itself, or from its line where that is
--   archived only: a payer's balance moved by just that. An event of another account, or with
--   another number, is none.
-- Returns: lines {id, quantity, money} in paying order and by id, and the cap counters it moved
--   {name, id, period}; nil if there is no such event
local function read_collected(journal_key, position, archived, path, seq)
  local entry = redis.call('XRANGE', journal_key, position, position)[1]
  local text = entry and entry[2][2] or archived
  local name, number = string.match(text, '^1 %S+ (%S+) (%d+) ')
  if name ~= path or number ~= seq then return nil end
  local moved, paid, counters = {}, {}, {}
  for id, before, after in string.gmatch(text, ' b=([^:]+):(%-?%d+):%d+:(%-?%d+):%d+') do
    moved[id] = before - after
  end
  for id, micros in string.gmatch(text, ' y=([^:]+):%d+:(%d+)') do
    local quantity = moved[id] or 0
    if quantity > 0 then
      local line = {id = id, quantity = quantity, money = micros ~= '0'}
      paid[#paid + 1], paid[id] = line, line
    end
  end
  for holder, id, period in string.gmatch(text, ' k=([^:]+):([^:]+):(%d+):') do
    counters[#counters + 1] = {name = holder, id = id, period = period + 0}
  end
  return paid, counters
end
