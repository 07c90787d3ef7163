-- Purpose: write a session that has anything to remember, until one hour beyond its last hold. The key
--   outlives the longest-lived of its services.
-- Returns: nothing
local function save_session(account, session_key, service, session)
  if session.position == 0 and session.paid_to == 0 and session.sequence < 0 then return end
  local expire_ms = math.max(session.expire_ms, account.now + LIMITS.REMEMBER_MS)
  redis.call('HSET', session_key, service, string.format('%d %d %d %d', expire_ms,
    session.position, session.paid_to, session.sequence + 1))
  local ttl = expire_ms - account.raw
  if redis.call('PTTL', session_key) < ttl then
    redis.call('PEXPIRE', session_key, string.format('%d', ttl))
  end
end
