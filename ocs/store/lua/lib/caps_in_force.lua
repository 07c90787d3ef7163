-- Purpose: the caps that count this charge, see lib/parse_caps, each with its current period. The
--   bounds that the service sends may be one period old, not more.
-- Include: parse_caps, read_cap
-- Returns: caps with listed, current and finish, or nil if the service must compute the periods
--   again
local function caps_in_force(account, holders, text)
  local all, caps, now = parse_caps(text), {}, account.now
  for i = 1, #all do
    local listed = all[i]
    local start, finish = listed.start, listed.finish
    if listed.window then
      start = now - math.fmod(now, listed.window.slot_ms)
      finish = start + listed.window.slot_ms
    elseif finish > 0 then
      if now >= finish then start, finish = finish, listed.next_finish end
      if now < start or now >= finish then return nil end
    end
    local cap = read_cap(listed.index == 0 and account or holders[listed.index], listed.id)
    cap.listed, cap.current, cap.finish = listed, start, finish
    if listed.window and not cap.slots then cap.slots, cap.window = {}, listed.window end
    caps[i] = cap
  end
  return caps
end
