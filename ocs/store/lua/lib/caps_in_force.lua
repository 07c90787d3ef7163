-- Purpose: roll the caps that count this charge to their current period, see lib/parse_caps. The
--   bounds that the service sends may be one period old, not more.
-- Include: parse_caps, read_counter, reserved_in
-- Returns: caps, or nil if the service must compute the periods again
local function caps_in_force(account, holders, text)
  local listed, caps, now = parse_caps(text), {}, account.now
  for i = 1, #listed do
    local cap = listed[i]
    local holder = cap.index == 0 and account or holders[cap.index]
    local period, finish, headroom, counter = cap.start, cap.finish, cap.limit, nil
    if finish > 0 then
      if now >= finish then period, finish = finish, cap.next_finish end
      if now < period or now >= finish then return nil end
      counter = read_counter(holder, cap.id)
      if counter.period == period then headroom = headroom - counter.spent - counter.reserved end
      if holder ~= account then headroom = headroom - reserved_in(holder, cap.id, period) end
    end
    caps[i] = {listed = cap, money = cap.money, holder = holder, counter = counter,
      period = period, finish = finish, headroom = headroom > 0 and headroom or 0}
  end
  return caps
end
