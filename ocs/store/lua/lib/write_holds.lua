-- Purpose: write which holds began, changed or ended, and the account's earliest deadline for the
--   job.
-- Returns: nothing
local function write_holds(account)
  local call = account.call
  if account.hold_changes then
    for id, text in pairs(account.hold_changes) do
      if text then
        redis.call('HSET', call.holds_key, id, text)
      else
        redis.call('HDEL', call.holds_key, id)
      end
    end
  end
  if account.due_moved then
    if account.due > 0 then
      redis.call('ZADD', call.due_key, string.format('%d', account.due), call.path)
    else
      redis.call('ZREM', call.due_key, call.path)
    end
  end
end
