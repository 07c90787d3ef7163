-- Purpose: put a new bucket into the order of consumption: priority, units before money, earliest
--   expiry, id; main last.
-- Include: parse_bucket_terms
-- Returns: nothing; account.ids grows
local function insert_bucket(account, id)
  local function rank(bucket_id)
    if bucket_id == 'main' then return {math.huge, 1, math.huge, bucket_id} end
    local terms = parse_bucket_terms(account.fields['t:' .. bucket_id])
    return {terms.priority, terms.money and 1 or 0,
      terms.expire_ms > 0 and terms.expire_ms or math.huge, bucket_id}
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
