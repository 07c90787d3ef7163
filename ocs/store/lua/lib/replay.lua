-- Purpose: answer from the request record. A replay writes a counter, so that a WAIT behind it waits
--   for something.
-- Include: refuse
-- Returns: the recorded answer, a refusal, or nil if the request is new
local function replay(account)
  local call = account.call
  local record = redis.call('GET', call.request_key)
  if not record then return nil end
  local expire_ms, meaning, answer = string.match(record, '^(%d+) (%S+)\n(.+)$')
  if not expire_ms then error({err = 'STATE_CORRUPT record'}) end
  if tonumber(expire_ms) <= account.now then return nil end
  if meaning ~= call.fingerprint then return refuse(account, 'REQUEST_ID_REUSED') end
  redis.call('HINCRBY', call.key, 'replays', 1)
  return '=' .. answer
end
