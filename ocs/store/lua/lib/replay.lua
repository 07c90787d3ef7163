-- Purpose: answer from the request record: `expire_ms fingerprint`, then the answer on a line of
--   its own. A replay writes a counter, so that a WAIT behind it waits for something.
-- Include: refuse
-- Returns: the recorded answer, a refusal, or nil if the request is new
local function replay(account, record)
  if not record then return nil end
  local expire_ms, fingerprint, answer = string.match(record, '^(%d+) (%S+)\n(.+)$')
  if not expire_ms then error({err = 'STATE_CORRUPT record'}) end
  if expire_ms + 0 <= account.now then return nil end
  if fingerprint ~= account.call.fingerprint then return refuse(account, 'REQUEST_ID_REUSED') end
  redis.call('HINCRBY', account.call.key, 'replays', 1)
  return '=' .. answer
end
