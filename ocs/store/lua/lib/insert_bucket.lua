-- Purpose: put a new bucket into the order of consumption: priority, units before money, earliest
--   expiry, id; main last.
-- Returns: nothing; account.ids grows
local function insert_bucket(account, id)
  local function rank(bucket_id)
    local unit, priority, expire_ms =
      string.match(account.fields['t:' .. bucket_id], '^(%a+) (%d+) %d+ (%d+) ')
    expire_ms = tonumber(expire_ms)
    if bucket_id == 'main' then return {math.huge, 1, math.huge, bucket_id} end
    return {tonumber(priority), unit == 'micros' and 1 or 0, expire_ms > 0 and expire_ms or math.huge,
      bucket_id}
  end
  local mine, place = rank(id), #account.ids + 1
  for i, other_id in ipairs(account.ids) do
    local other = rank(other_id)
    for part = 1, 4 do
      if mine[part] ~= other[part] then
        if mine[part] < other[part] then place = math.min(place, i) end
        break
      end
    end
  end
  table.insert(account.ids, place, id)
end
