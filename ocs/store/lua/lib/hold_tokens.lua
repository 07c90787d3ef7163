-- Purpose: the part of an event that tells what a reservation holds from now on.
-- Returns: tokens, each behind a space
local function hold_tokens(hold)
  if not hold then return ' d=0:0' end
  local text = string.format(' d=%d:%d', hold.expire_ms, hold.granted)
  if #hold.lines > 0 then text = text .. ' h=' .. table.concat(hold.lines, ' h=') end
  if #hold.cap_lines > 0 then text = text .. ' l=' .. table.concat(hold.cap_lines, ' l=') end
  return text
end
