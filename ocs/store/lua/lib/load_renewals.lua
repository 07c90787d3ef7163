-- Purpose: the bundles that are bought again by themselves, parsed once a call: `n:<bundle>`:
--   `due_ms end_ms left tries`.
-- Returns: renewals {due_ms, end_ms, left, tries} by bundle
local function load_renewals(account)
  if account.renewals then return account.renewals end
  local renewals = {}
  for field, text in pairs(account.fields) do
    if string.sub(field, 1, 2) == 'n:' then
      local due_ms, end_ms, left, tries = string.match(text, '^(%d+) (%d+) (%d+) (%d+)$')
      if not due_ms then error({err = 'STATE_CORRUPT renewal'}) end
      renewals[string.sub(field, 3)] = {
        due_ms = due_ms + 0, end_ms = end_ms + 0, left = left + 0, tries = tries + 0,
      }
    end
  end
  account.renewals = renewals
  return renewals
end
