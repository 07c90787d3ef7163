-- Purpose: read how far a session of one service has come: `expire position paid_to sequence`, sequence
--   one higher than the number, 0 for none.
-- Returns: the session, a fresh one if it is unknown or forgotten
local function load_session(account, session_key, service)
  local text = redis.call('HGET', session_key, service)
  if text then
    local expire_ms, position, paid_to, sequence = string.match(text, '^(%d+) (%d+) (%d+) (%d+)$')
    if not expire_ms then error({err = 'STATE_CORRUPT session'}) end
    if tonumber(expire_ms) > account.now then
      return {expire_ms = tonumber(expire_ms), position = tonumber(position),
        paid_to = tonumber(paid_to), sequence = tonumber(sequence) - 1}
    end
  end
  return {expire_ms = 0, position = 0, paid_to = 0, sequence = -1}
end
