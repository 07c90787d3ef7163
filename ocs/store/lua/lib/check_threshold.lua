-- Purpose: see whether a balance that changed came down to its threshold, `quantity low`; one that
--   rises above may do so again.
-- Returns: the event's token, or an empty text
local function check_threshold(account, bucket)
  local field = 'l:' .. bucket.id
  local text = account.fields[field]
  if not text then return '' end
  local quantity, was_low = string.match(text, '^(%d+) ([01])$')
  if not quantity then error({err = 'STATE_CORRUPT threshold'}) end
  local low = bucket.balance <= quantity + 0 and '1' or '0'
  if low == was_low then return '' end
  text = quantity .. ' ' .. low
  account.fields[field], account.changes[field] = text, text
  return low == '1' and ' e=' .. bucket.id .. ':' .. quantity or ''
end
