-- Purpose: count what a hold's settled part spent. A line counts in its own period: once the
--   counter has moved on, no counter changes.
-- Include: count_cap, read_counter
-- Returns: nothing; charge.counted has what each cap's line counted, hold.cap_lines what is left
local function settle_cap_lines(account, holders, hold, charge, keep_rest, caps)
  local lines, counts_units, left = hold.cap_lines, {}, {}
  for i = 1, #caps do
    if caps[i].counter and not caps[i].money then counts_units[caps[i].counter] = true end
  end
  for i = 1, #lines do
    local line = lines[i]
    local counter = read_counter(holders[line.name] or account, line.id)
    local used = counts_units[counter] and charge.at - charge.start or charge.micros
    if used > line.quantity then used = line.quantity end
    charge.counted[counter] = used
    if counter.period <= line.period then
      count_cap(account, counter, line.period, used, -(keep_rest and used or line.quantity))
    end
    if line.quantity > used then
      left[#left + 1] = line.name .. ':' .. line.id
        .. string.format(':%d:%d', line.period, line.quantity - used)
    end
  end
  hold.cap_lines = left
end
