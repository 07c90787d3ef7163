-- Purpose: the clock of this call. A service whose clock is far from the store's, or whose caller
--   has stopped waiting, gets nothing written.
-- Returns: milliseconds, or nil and the refusal
local function store_time(now_ms, server_ms, deadline_ms)
  if now_ms ~= '' then return now_ms + 0 end
  local time = redis.call('TIME')
  local raw = time[1] * 1000 + math.floor(time[2] / 1000)
  if math.abs(raw - server_ms) > LIMITS.CLOCK_SKEW_MAX_MS then
    return nil, string.format('!CLOCK_SKEW 0 %d', raw)
  end
  if raw > deadline_ms + 0 then return nil, string.format('!DEADLINE_PASSED 0 %d', raw) end
  return raw
end
