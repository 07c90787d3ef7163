-- Purpose: count what a hold's settled part spent. A line counts in its own period: once the counter has
--   moved on, no counter changes.
-- Include: count_cap, read_counter
-- Returns: nothing; charge.counted has what each cap's line counted, hold.cap_lines what is left
local function settle_cap_lines(account, holders, hold, charge, keep, caps)
  local units, left = {}, {}
  for _, cap in ipairs(caps) do units[cap.holder.name .. ':' .. cap.id] = not cap.money end
  for _, line in ipairs(hold.cap_lines) do
    local key, holder = line.name .. ':' .. line.id, holders[line.name] or account
    local used = math.min(line.quantity, units[key] and charge.at - charge.start or charge.micros)
    charge.counted[key] = used
    if read_counter(holder, line.id).period <= line.period then
      count_cap(account, holder, line.id, line.period, used, -(keep and used or line.quantity))
    end
    if line.quantity > used then
      left[#left + 1] = string.format('%s:%d:%d', key, line.period, line.quantity - used)
    end
  end
  hold.cap_lines = left
end
