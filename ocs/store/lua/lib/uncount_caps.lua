-- Purpose: take refunded money off the caps of money that counted it, in memory: those whose
--   counter is still of that period. holders: by name; one that is gone has no caps. profile: the
--   fields that define the account's caps.
-- Include: read_cap
-- Returns: nothing
local function uncount_caps(account, holders, profile, counters, micros)
  if micros == 0 then return end
  for i = 1, #counters do
    local counter = counters[i]
    local holder, defined = account, profile
    if counter.name ~= 'account' then
      holder = holders[counter.name]
      defined = holder and holder.fields or {}
    end
    local definition = defined['q:' .. counter.id]
    if definition and string.match(definition, '^%d+ micros ') then
      local cap = read_cap(holder, counter.id)
      if cap.period == counter.period and cap.spent > 0 then
        cap.spent = math.max(0, cap.spent - micros)
        cap.touched = true
        account.touched[#account.touched + 1] = cap
      end
    end
  end
end
