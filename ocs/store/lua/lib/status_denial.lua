-- Purpose: why an account grants nothing: its status, absent while it is active.
-- Returns: an outcome, or nil
local function status_denial(account)
  local status = account.fields.status
  if not status then return nil end
  if status == 'suspended' then return 'ACCOUNT_SUSPENDED' end
  if status == 'closed' then return 'ACCOUNT_CLOSED' end
  error({err = 'STATE_CORRUPT status'})
end
