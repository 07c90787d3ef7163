-- Purpose: bring the account's deadline forward, in memory.
-- Returns: nothing
local function due_by(account, due_ms)
  if account.due == 0 or due_ms < account.due then
    account.due, account.due_moved = due_ms, true
  end
end
