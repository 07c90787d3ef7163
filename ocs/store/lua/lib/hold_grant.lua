-- Purpose: hold what was decided, in memory, and spell it; the grant is the hold from here.
-- Include: count_cap
-- Returns: nothing; grant gains micros, lines and cap_lines
local function hold_grant(account, grant, caps)
  local lines, cap_lines = {}, {}
  for _, segment in ipairs(grant.segments) do
    local bucket, quantity = segment.bucket, segment.quantity
    if quantity > 0 then
      bucket.reserved = bucket.reserved + quantity
      lines[#lines + 1] = string.format('%s:%d', bucket.id, quantity)
      if bucket.money then grant.micros = grant.micros + quantity end
    end
  end
  for _, cap in ipairs(caps) do
    local quantity = cap.money and grant.micros or grant.units
    if cap.finish > 0 and quantity > 0 then
      count_cap(account, cap.holder, cap.id, cap.period, 0, quantity)
      cap_lines[#cap_lines + 1] =
        string.format('%s:%s:%d:%d', cap.holder.name, cap.id, cap.period, quantity)
    end
  end
  grant.lines, grant.cap_lines = lines, cap_lines
  account.open_count = account.open_count + 1
end
