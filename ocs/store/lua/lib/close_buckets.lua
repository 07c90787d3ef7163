-- Purpose: remove ended buckets that hold nothing; what is left in them is forfeited.
-- Include: emit, read_bucket
-- Returns: the earliest end of the buckets that stay, 0 if none ends
local function close_buckets(account)
  local kept, earliest = {}, 0
  for _, id in ipairs(account.ids) do
    local bucket = read_bucket(account, id)
    local ended = bucket.expire_ms > 0 and bucket.expire_ms <= account.now
    bucket.closes = ended and bucket.reserved == 0
    if not bucket.closes then
      kept[#kept + 1] = id
      if bucket.expire_ms > 0 and (earliest == 0 or bucket.expire_ms < earliest) then
        earliest = bucket.expire_ms
      end
    end
  end
  if #kept == #account.ids then return earliest end
  local before = account.ids
  account.ids, account.gone = kept, {}
  account.changes.order = table.concat(kept, ' ')
  for _, id in ipairs(before) do
    local bucket = account.buckets[id]
    if bucket.closes then
      local credited, expired, withdrawn = string.match(bucket.rest, '^(%d+) (%d+) (%d+)$')
      account.gone[#account.gone + 1] = 'b:' .. id
      account.gone[#account.gone + 1] = 't:' .. id
      account.buckets[id] = nil
      emit(account, 'BUCKET_CLOSED', '-', id, {string.format('z=%s:%d:%d:%s', credited,
        bucket.spent, expired + bucket.balance, withdrawn)}, '')
    end
  end
  return earliest
end
