-- Purpose: count what a hold's settled part spent. A line counts in its own period: once the
--   counter has moved on, no counter changes.
-- Include: count_cap, counts_in, read_cap
-- Returns: nothing; charge.counted has what each cap's line counted, hold.cap_lines what is left
local function settle_cap_lines(account, holders, hold, charge, keep_rest)
  local lines, left = hold.cap_lines, {}
  for i = 1, #lines do
    local line = lines[i]
    local cap = read_cap(holders[line.name] or account, line.id)
    -- A price that this call goes by no more may have held in its tier's counter: units, always.
    local counts_units = cap.listed and not cap.listed.money
      or not cap.listed and string.find(line.id, '^tier@')
    local used = counts_units and charge.at - charge.start or charge.micros
    if used > line.quantity then used = line.quantity end
    charge.counted[cap] = used
    if counts_in(cap, line.period) then
      count_cap(account, cap, line.period, used, -(keep_rest and used or line.quantity))
    end
    if line.quantity > used then
      left[#left + 1] = line.name .. ':' .. line.id
        .. string.format(':%d:%d', line.period, line.quantity - used)
    end
  end
  hold.cap_lines = left
end
