-- Purpose: read a subscriber or group with its caps' counters and holds. Holds past their deadline no
--   longer count and are swept with the next write.
-- Returns: the holder, or nil if the key does not exist
local function load_holder(holder_key, name, now)
  local flat = redis.call('HGETALL', holder_key)
  if #flat == 0 then return nil end
  local holder = {name = name, fields = {}, counters = {}, holds = {}, lapsed = {}, changes = {}}
  for i = 1, #flat, 2 do
    local field, value = flat[i], flat[i + 1]
    if string.sub(field, 1, 2) == 'h:' then
      local expire_ms, lines = string.match(value, '^(%d+) (%S+)$')
      if not expire_ms then error({err = 'STATE_CORRUPT holds'}) end
      if expire_ms + 0 > now then
        holder.holds[field] = lines
      else
        holder.lapsed[#holder.lapsed + 1] = field
      end
    else
      holder.fields[field] = value
    end
  end
  return holder
end
