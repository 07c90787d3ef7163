-- Purpose: hold what was decided, in memory, and spell it; the grant is the hold from here.
-- Include: count_cap
-- Returns: nothing; grant gains micros, lines and cap_lines
local function hold_grant(account, grant, caps)
  local segments, lines, cap_lines, micros = grant.segments, {}, {}, 0
  for i = 1, #segments do
    local bucket, quantity = segments[i].bucket, segments[i].quantity
    if quantity > 0 then
      bucket.reserved = bucket.reserved + quantity
      lines[#lines + 1] = bucket.id .. string.format(':%d', quantity)
      if bucket.money then micros = micros + quantity end
    end
  end
  for i = 1, #caps do
    local cap = caps[i]
    local quantity, current = cap.listed.money and micros or grant.units, cap.current
    if cap.finish > 0 and quantity > 0 then
      count_cap(account, cap, current, 0, quantity)
      cap_lines[#cap_lines + 1] = cap.holder.name .. ':' .. cap.id
        .. string.format(':%d:%d', current, quantity)
    end
  end
  grant.micros, grant.lines, grant.cap_lines = micros, lines, cap_lines
  account.open_count = account.open_count + 1
end
