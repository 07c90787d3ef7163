-- Purpose: read how far a session of one service has come: `expire position paid_to sequence`,
--   sequence one higher than the number, 0 for none.
-- Returns: the session, a fresh one if it is unknown or forgotten
local function parse_session(text, now)
  if text then
    local expire_ms, position, paid_to, sequence = string.match(text, '^(%d+) (%d+) (%d+) (%d+)$')
    if not expire_ms then error({err = 'STATE_CORRUPT session'}) end
    expire_ms = expire_ms + 0
    if expire_ms > now then
      return {expire_ms = expire_ms, position = position + 0, paid_to = paid_to + 0,
        sequence = sequence - 1}
    end
  end
  return {expire_ms = 0, position = 0, paid_to = 0, sequence = -1}
end
