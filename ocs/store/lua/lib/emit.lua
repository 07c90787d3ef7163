-- Purpose: put an event into the account's journal with every bucket and cap counter that changed
--   since the event before, and the thresholds that balances came down to. tokens: the event's own,
--   each behind a space. Written by write_account, which knows the previous event's id.
-- Include: check_threshold, reserved_in
-- Returns: nothing
local function emit(account, kind, outcome, ref, tokens, context)
  local ids, touched, dirty, events = account.ids, account.touched, account.dirty, account.events
  local text = ' ' .. outcome .. ' ' .. ref .. tokens
  for i = 1, #ids do
    local bucket = account.buckets[ids[i]]
    if bucket and (bucket.balance ~= bucket.balance_before
      or bucket.reserved ~= bucket.reserved_before) then
      text = text .. ' b=' .. bucket.id .. string.format(':%d:%d:%d:%d', bucket.balance_before,
        bucket.reserved_before, bucket.balance, bucket.reserved)
      if bucket.balance ~= bucket.balance_before then
        text = text .. check_threshold(account, bucket)
      end
      bucket.balance_before, bucket.reserved_before = bucket.balance, bucket.reserved
      if not bucket.dirty then bucket.dirty, dirty[#dirty + 1] = true, bucket end
    end
  end
  for i = 1, #touched do
    local cap = touched[i]
    local holder, reserved = cap.holder, cap.reserved
    if holder ~= account then reserved = reserved_in(holder, cap.id, cap.period) end
    text = text .. ' k=' .. holder.name .. ':' .. cap.id
      .. string.format(':%d:%d:%d', cap.period, cap.spent, reserved)
    cap.touched, cap.dirty, touched[i] = false, true, nil
  end
  account.seq = account.seq + 1
  account.moment = string.format(' %d %d ', account.seq, account.now)
  events[#events + 1] = {head = '1 ' .. kind .. ' ' .. account.call.path .. account.moment,
    text = text, context = context}
end
