-- Purpose: read a subscriber or group with its caps' counters and holds. Holds past their deadline
--   no longer count and are swept with the next write.
-- Returns: the holder, or nil if the key does not exist; holds are texts of lines, each behind a
--   comma
local function load_holder(holder_key, name, now)
  local fields = redis.call('HGETALL', holder_key).map
  if not next(fields) then return nil end
  local holds, lapsed = {}, {}
  for field, value in pairs(fields) do
    if string.sub(field, 1, 2) == 'h:' then
      local expire_ms, lines = string.match(value, '^(%d+) (%S+)$')
      if not expire_ms then error({err = 'STATE_CORRUPT holds'}) end
      if expire_ms + 0 > now then
        holds[field] = ',' .. lines
      else
        lapsed[#lapsed + 1] = field
      end
    end
  end
  return {key = holder_key, name = name, fields = fields, holds = holds, lapsed = lapsed,
    now = now, caps = {}, changes = {}}
end
