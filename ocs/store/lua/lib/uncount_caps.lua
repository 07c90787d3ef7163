-- Purpose: take refunded money off the caps of money that counted it, in memory: those whose
--   counter is still of that period. An event may have counted in two slots of a rolling cap:
--   newest first, and no more than was refunded in all. holders: by name; one that is gone has no
--   caps. profile: the fields that define the account's caps.
-- Include: counts_in, read_cap
-- Returns: nothing
local function uncount_caps(account, holders, profile, counters, micros)
  local left = {}
  for i = #counters, 1, -1 do
    local counter = counters[i]
    local holder, defined = account, profile
    if counter.name ~= 'account' then
      holder = holders[counter.name]
      defined = holder and holder.fields or {}
    end
    local definition = defined['q:' .. counter.id]
    if definition and string.match(definition, '^%d+ micros ') then
      local cap = read_cap(holder, counter.id)
      local rest, part = left[cap] or micros, cap.slots and cap.slots[counter.period] or cap
      if rest > 0 and part.period == counter.period and part.spent > 0
        and counts_in(cap, counter.period) then
        local taken = math.min(rest, part.spent)
        left[cap], part.spent, part.touched = rest - taken, part.spent - taken, true
        account.touched[#account.touched + 1] = part
      end
    end
  end
end
