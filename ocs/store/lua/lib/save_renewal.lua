-- Purpose: keep or forget a bundle's renewal, in memory.
-- Include: load_renewals
-- Returns: the token of its event; empty if it is forgotten
local function save_renewal(account, bundle_id, renewal)
  local field = 'n:' .. bundle_id
  load_renewals(account)[bundle_id] = renewal
  if not renewal then
    account.gone = account.gone or {}
    account.gone[#account.gone + 1] = field
    return ''
  end
  local text = string.format('%d %d %d %d', renewal.due_ms, renewal.end_ms, renewal.left,
    renewal.tries)
  account.changes[field] = text
  return ' s=' .. string.gsub(text, ' ', ':')
end
