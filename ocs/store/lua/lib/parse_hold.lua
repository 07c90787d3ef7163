-- Purpose: read what an open reservation holds: `expire_ms granted lines cap_lines`, a line being
--   `bucket:quantity` or `holder:cap:period:quantity`, split by commas, - for none.
-- Include: read_bucket
-- Returns: the hold, or nil if there is none
local function parse_hold(account, text)
  if not text then return nil end
  local expire_ms, granted, lines, cap_lines = string.match(text, '^(%d+) (%d+) (%S+) (%S+)$')
  if not expire_ms then error({err = 'STATE_CORRUPT hold'}) end
  local hold =
    {expire_ms = tonumber(expire_ms), granted = tonumber(granted), lines = {}, cap_lines = {}}
  for id, quantity in string.gmatch(lines, '([^:,]+):(%d+)') do
    hold.lines[#hold.lines + 1] = {bucket = read_bucket(account, id), quantity = tonumber(quantity)}
  end
  for name, id, period, quantity in string.gmatch(cap_lines, '([^:,]+):([^:,]+):(%d+):(%d+)') do
    hold.cap_lines[#hold.cap_lines + 1] =
      {name = name, id = id, period = tonumber(period), quantity = tonumber(quantity)}
  end
  return hold
end
