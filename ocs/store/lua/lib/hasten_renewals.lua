-- Purpose: try at once to renew what could not be paid for, in memory.
-- Include: due_by, load_renewals, save_renewal
-- Returns: nothing
local function hasten_renewals(account)
  for bundle_id, renewal in pairs(load_renewals(account)) do
    if renewal.tries > 0 then
      renewal.due_ms = account.now
      save_renewal(account, bundle_id, renewal)
      due_by(account, account.now)
    end
  end
end
