-- Purpose: write a session that has anything to remember, until one hour beyond its last hold.
-- Returns: nothing
local function save_session(account, session_key, session)
  if session.position == 0 and session.paid_to == 0 and session.sequence < 0 then return end
  local expire_ms = math.max(session.expire_ms, account.now + LIMITS.REMEMBER_MS)
  redis.call('SET', session_key, string.format('%d %d %d %d', expire_ms, session.position,
    session.paid_to, session.sequence + 1),
    'PX', string.format('%d', expire_ms - account.raw + LIMITS.TTL_SLACK_MS))
end
