-- Purpose: the account's earliest deadline once what is due has expired: of holds, of buckets that
--   end, of renewals.
-- Include: load_renewals
-- Returns: the deadline, 0 if there is none
local function next_due(account, ends)
  local earliest = account.holds_due
  if earliest == 0 or (ends > 0 and ends < earliest) then earliest = ends end
  for _, renewal in pairs(load_renewals(account)) do
    if earliest == 0 or renewal.due_ms < earliest then earliest = renewal.due_ms end
  end
  return earliest
end
