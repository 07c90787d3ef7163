-- Purpose: count a refusal that is to be stored. `refusals` of the account: since when, how many.
-- Returns: whether there is room for it
local function count_refusal(account)
  local since, count = string.match(account.fields.refusals or '0 0', '^(%d+) (%d+)$')
  if not since then error({err = 'STATE_CORRUPT refusals'}) end
  since, count = since + 0, count + 0
  if since + LIMITS.REFUSALS_WINDOW_MS <= account.now then since, count = account.now, 0 end
  if count >= LIMITS.REFUSALS_MAX then return false end
  account.changes.refusals = string.format('%d %d', since, count + 1)
  return true
end
