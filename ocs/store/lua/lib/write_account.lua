-- Purpose: the writes of every script. XADD first: it alone could fail, and then nothing is written.
-- Include: state_text
-- Returns: nothing
local function write_account(account)
  local events, call = account.events, account.call
  for i = 1, #events, 3 do
    account.last_event = redis.call('XADD', call.journal_key, '*',
      'e', events[i] .. account.last_event .. events[i + 1], 'c', events[i + 2])
  end
  local set, gone = {'state', state_text(account)}, account.gone or {}
  for id, bucket in pairs(account.buckets) do
    if bucket.dirty then
      set[#set + 1] = 'b:' .. id
      set[#set + 1] = string.format('%d %d %d %s', bucket.balance, bucket.reserved,
        bucket.spent, bucket.rest)
    end
  end
  for id, counter in pairs(account.counters) do
    if counter.dirty then
      set[#set + 1] = 'c:' .. id
      set[#set + 1] =
        string.format('%d %d %d', counter.period, counter.spent, counter.reserved)
    end
  end
  for field, value in pairs(account.changes) do set[#set + 1], set[#set + 2] = field, value end
  -- Before HSET: a bucket that closed may have been opened anew under its id.
  if #gone > 0 then redis.call('HDEL', call.key, unpack(gone)) end
  redis.call('HSET', call.key, unpack(set))
  for id, text in pairs(account.hold_changes or {}) do
    if text then
      redis.call('HSET', call.holds_key, id, text)
    else
      redis.call('HDEL', call.holds_key, id)
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
