-- Purpose: the text of what a reservation holds, unless it ended in this very call.
-- Returns: the text, or nil if it holds nothing
local function stored_hold(account, id)
  if account.hold_changes and account.hold_changes[id] ~= nil then return nil end
  return redis.call('HGET', account.call.holds_key, id)
end
