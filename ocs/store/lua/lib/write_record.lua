-- Purpose: remember the answer under the request_id. The record carries its own expire time; the
--   TTL only cleans up, and counts from the raw clock so that it never ends too early.
-- Returns: the answer
local function write_record(account, answer)
  local call = account.call
  local expire_ms = math.max(account.now, call.request_time_ms + 0) + call.window_ms
  local record = string.format('%d ', expire_ms) .. call.fingerprint .. '\n' .. answer
  redis.call('SET', call.request_key, record,
    'PX', string.format('%d', expire_ms - account.raw + LIMITS.TTL_SLACK_MS))
  return answer
end
