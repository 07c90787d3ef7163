-- Purpose: read what an open reservation holds: `expire_ms granted lines cap_lines`, a line being
--   `bucket:quantity` or `holder:cap:period:quantity`, split by commas, - for none.
-- Include: read_bucket
-- Returns: the hold, or nil if there is none
local function parse_hold(account, text)
  if not text then return nil end
  local expire_ms, granted, line_texts, cap_line_texts =
    string.match(text, '^(%d+) (%d+) (%S+) (%S+)$')
  if not expire_ms then error({err = 'STATE_CORRUPT hold'}) end
  local lines, cap_lines = {}, {}
  for id, quantity in string.gmatch(line_texts, '([^:,]+):(%d+)') do
    lines[#lines + 1] = {bucket = read_bucket(account, id), quantity = quantity + 0}
  end
  for name, id, period, quantity in
    string.gmatch(cap_line_texts, '([^:,]+):([^:,]+):(%d+):(%d+)') do
    cap_lines[#cap_lines + 1] =
      {name = name, id = id, period = period + 0, quantity = quantity + 0}
  end
  return {expire_ms = expire_ms + 0, granted = granted + 0, lines = lines, cap_lines = cap_lines}
end
