-- Purpose: the writes of every script. XADD first: it alone could fail, and then nothing is
--   written; what HSET, ZADD or SADD write to has been read before, so its type is right.
-- Include: slots_text, state_text, write_holds
-- Returns: nothing
local function write_account(account)
  local events, dirty, call = account.events, account.dirty, account.call
  if account.due_moved then redis.call('ZCARD', call.due_key) end
  for i = 1, #events do
    local event = events[i]
    account.last_event = redis.call('XADD', call.journal_key, '*',
      'e', event.head .. account.last_event .. event.text, 'c', event.context)
  end
  -- nil makes room for a bucket and three caps: a table that grows copies itself.
  local set, n = {'state', state_text(account), nil, nil, nil, nil, nil, nil, nil, nil}, 2
  for i = 1, #dirty do
    local bucket = dirty[i]
    -- Not one that closed since.
    if account.buckets[bucket.id] == bucket then
      set[n + 1] = 'b:' .. bucket.id
      set[n + 2] = string.format('%d %d %d ', bucket.balance, bucket.reserved, bucket.spent)
        .. bucket.rest
      n = n + 2
    end
  end
  for id, cap in pairs(account.caps) do
    local slots = cap.slots and slots_text(cap)
    if slots then
      set[n + 1], set[n + 2] = 'c:' .. id, slots
      n = n + 2
    elseif cap.dirty then
      set[n + 1] = 'c:' .. id
      set[n + 2] = string.format('%d %d %d', cap.period, cap.spent, cap.reserved)
      n = n + 2
    end
  end
  for field, value in pairs(account.changes) do
    set[n + 1], set[n + 2] = field, value
    n = n + 2
  end
  -- Before HSET: a bucket that closed may have been opened anew under its id.
  if account.gone then redis.call('HDEL', call.key, unpack(account.gone)) end
  redis.call('HSET', call.key, unpack(set, 1, n))
  write_holds(account)
end
