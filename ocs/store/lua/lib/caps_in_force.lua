-- Purpose: roll the caps that count this charge to their current period. The service sends each as
--   `index:cap:unit:limit:start:finish:next_finish`; finish 0 means no counter (per request). Its
--   bounds may be one period old, not more.
-- Include: read_counter, reserved_in
-- Returns: caps, or nil if the service must compute the periods again
local function caps_in_force(account, holders, text)
  local found, now = {}, account.now
  for index, id, unit, limit, start, finish, next_finish in
    string.gmatch(text, '(%d+):([^:]+):(%a+):(%d+):(%d+):(%d+):(%d+)') do
    local holder = index == '0' and account or holders[tonumber(index)]
    local cap = {id = id, holder = holder, unit = unit, money = unit == 'micros',
      period = tonumber(start), finish = tonumber(finish), spent = 0, reserved = 0}
    if cap.finish > 0 then
      if now >= cap.finish then
        cap.period, cap.finish = cap.finish, tonumber(next_finish)
      end
      if now < cap.period or now >= cap.finish then return nil end
      local counter = read_counter(holder, id)
      if counter.period == cap.period then
        cap.spent, cap.reserved = counter.spent, counter.reserved
      end
      if holder ~= account then cap.reserved = reserved_in(holder, id, cap.period) end
      if next_finish == finish then cap.lifetime = true end
    end
    cap.headroom = tonumber(limit) - cap.spent - cap.reserved
    found[#found + 1] = cap
  end
  return found
end
