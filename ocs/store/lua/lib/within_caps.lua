-- Purpose: cut a grant to the tightest cap.
-- Include: last_within, measure_cap, money_within, round_down
-- Returns: the last increment boundary that all caps leave room for, and the cap that cut it
local function within_caps(account, rate, start, to, segments, caps)
  local binding, money
  for i = 1, #caps do
    local cap, allowed = caps[i], to
    local headroom = measure_cap(account, cap)
    if cap.listed.money then
      money = money or money_within(rate, segments, to)
      if money > headroom then
        allowed = last_within(rate, start, to, segments, headroom)
      end
    elseif to - start > headroom then
      allowed = math.max(start, round_down(rate, start + headroom))
    end
    if allowed < to then to, binding, money = allowed, cap, nil end
  end
  return to, binding
end
