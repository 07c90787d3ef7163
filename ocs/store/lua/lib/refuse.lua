-- Purpose: answer with a reason.
-- Returns: the answer
local function refuse(account, reason)
  return string.format('!%s %.0f %.0f', reason, account.seq, account.now)
end
