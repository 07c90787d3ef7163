-- Purpose: roll the caps that count this charge to their current period, see lib/parse_caps. The
--   bounds that the service sends may be one period old, not more.
-- Include: parse_caps, read_counter
-- Returns: caps, or nil if the service must compute the periods again
local function caps_in_force(account, holders, text)
  local listed, caps, now = parse_caps(text), {}, account.now
  for i = 1, #listed do
    local cap = listed[i]
    local holder = cap.index == 0 and account or holders[cap.index]
    local period, finish, counter = cap.start, cap.finish, nil
    if finish > 0 then
      if now >= finish then period, finish = finish, cap.next_finish end
      if now < period or now >= finish then return nil end
      counter = read_counter(holder, cap.id)
    end
    caps[i] = {listed = cap, money = cap.money, holder = holder, counter = counter,
      period = period, finish = finish, headroom = 0}
  end
  return caps
end
