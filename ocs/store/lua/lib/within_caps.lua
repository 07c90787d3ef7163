-- Purpose: cut a grant to the tightest cap.
-- Include: money_within
-- Returns: the last increment boundary that all caps leave room for, and the cap that cut it
local function within_caps(rate, start, to, segments, caps)
  local binding
  for _, cap in ipairs(caps) do
    local headroom, allowed = math.max(0, cap.headroom), to
    if not cap.money then
      if to - start > headroom then
        allowed = start + headroom - math.fmod(start + headroom, rate.increment)
      end
    elseif money_within(rate, segments, to) > headroom then
      local low, high = 0, math.floor((to - start) / rate.increment)
      while low < high do
        local middle = low + math.floor((high - low + 1) / 2)
        if money_within(rate, segments, start + middle * rate.increment) <= headroom then
          low = middle
        else
          high = middle - 1
        end
      end
      allowed = start + low * rate.increment
    end
    if allowed < to then to, binding = allowed, cap end
  end
  return to, binding
end
