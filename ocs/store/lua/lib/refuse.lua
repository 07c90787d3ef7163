-- Purpose: answer with a reason.
-- Returns: the answer
local function refuse(account, reason)
  return string.format('!%s %d %d', reason, account.seq, account.now)
end
