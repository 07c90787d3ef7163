-- Purpose: refuse what comes from the future, and what is so old that its record may be gone.
-- Include: refuse
-- Returns: a refusal, or nil
local function check_age(account)
  local sent = account.call.request_time_ms + 0
  if sent > account.now + LIMITS.REQUEST_AHEAD_MAX_MS then
    return refuse(account, 'REQUEST_TIME_AHEAD')
  end
  if sent + account.call.window_ms <= account.now then return refuse(account, 'REQUEST_TOO_OLD') end
  return nil
end
