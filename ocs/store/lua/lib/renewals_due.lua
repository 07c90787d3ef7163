-- Purpose: the bundles that are to be renewed now.
-- Include: load_renewals
-- Returns: `bundle:due_ms,...` by bundle, - if there are none
local function renewals_due(account)
  local due = {}
  for bundle_id, renewal in pairs(load_renewals(account)) do
    if renewal.due_ms <= account.now then
      due[#due + 1] = bundle_id .. string.format(':%d', renewal.due_ms)
    end
  end
  table.sort(due)
  return #due > 0 and table.concat(due, ',') or '-'
end
