-- Purpose: remove ended buckets that hold nothing; what is left in them is forfeited.
-- Include: emit, read_bucket
-- Returns: the earliest end of the buckets that stay, 0 if none ends
local function close_buckets(account)
  local kept, earliest, before = {}, 0, account.ids
  for i = 1, #before do
    local bucket = read_bucket(account, before[i])
    local expire_ms = bucket.terms.expire_ms
    bucket.closes = expire_ms > 0 and expire_ms <= account.now and bucket.reserved == 0
    if not bucket.closes then
      kept[#kept + 1] = bucket.id
      if expire_ms > 0 and (earliest == 0 or expire_ms < earliest) then earliest = expire_ms end
    end
  end
  if #kept == #before then return earliest end
  account.ids, account.gone = kept, {}
  account.changes.order = table.concat(kept, ' ')
  for i = 1, #before do
    local id = before[i]
    local bucket = account.buckets[id]
    if bucket.closes then
      local credited, expired, withdrawn = string.match(bucket.rest, '^(%d+) (%d+) (%d+)$')
      account.gone[#account.gone + 1] = 'b:' .. id
      account.gone[#account.gone + 1] = 't:' .. id
      account.buckets[id] = nil
      emit(account, 'BUCKET_CLOSED', '-', id, string.format(' z=%s:%d:%d:%s', credited,
        bucket.spent, expired + bucket.balance, withdrawn), '')
    end
  end
  return earliest
end
