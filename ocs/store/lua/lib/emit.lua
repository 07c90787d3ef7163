-- Purpose: put an event into the account's journal with every bucket and cap counter that changed since
--   the event before. Written by write_account, which knows the previous event's id.
-- Include: reserved_in
-- Returns: nothing
local function emit(account, kind, outcome, ref, tokens, context)
  account.seq = account.seq + 1
  for _, id in ipairs(account.ids) do
    local bucket = account.buckets[id]
    if bucket and (bucket.balance ~= bucket.balance_before
      or bucket.reserved ~= bucket.reserved_before) then
      tokens[#tokens + 1] = string.format('b=%s:%d:%d:%d:%d', id, bucket.balance_before,
        bucket.reserved_before, bucket.balance, bucket.reserved)
      bucket.balance_before, bucket.reserved_before = bucket.balance, bucket.reserved
      bucket.dirty = true
    end
  end
  for i, counter in ipairs(account.touched) do
    local reserved = counter.reserved
    if counter.holder ~= account then
      reserved = reserved_in(counter.holder, counter.id, counter.period)
    end
    tokens[#tokens + 1] = string.format('k=%s:%s:%d:%d:%d', counter.holder.name, counter.id,
      counter.period, counter.spent, reserved)
    counter.touched, counter.dirty, account.touched[i] = false, true, nil
  end
  local events = account.events
  events[#events + 1] =
    string.format('1 %s %s %d %d ', kind, account.call.path, account.seq, account.now)
  table.insert(tokens, 1, string.format(' %s %s', outcome, ref))
  events[#events + 1] = table.concat(tokens, ' ')
  events[#events + 1] = context
end
