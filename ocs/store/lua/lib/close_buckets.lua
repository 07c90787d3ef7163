-- Purpose: remove ended buckets that hold nothing, but not what waits for its bundle's renewal.
-- Include: close_bucket, read_bucket, roll_over_of
-- Returns: the earliest end of the buckets that stay and do not wait, 0 if none ends
local function close_buckets(account)
  local kept, earliest, before = {}, 0, account.ids
  for i = 1, #before do
    local bucket = read_bucket(account, before[i])
    local expire_ms = bucket.terms.expire_ms
    local ends = expire_ms > 0 and roll_over_of(account, bucket.id) ~= '-'
    bucket.closes = ends and expire_ms <= account.now and bucket.reserved == 0
    if not bucket.closes then
      kept[#kept + 1] = bucket.id
      if ends and (earliest == 0 or expire_ms < earliest) then earliest = expire_ms end
    end
  end
  if #kept == #before then return earliest end
  account.ids, account.gone = kept, account.gone or {}
  account.changes.order = table.concat(kept, ' ')
  for i = 1, #before do
    local bucket = account.buckets[before[i]]
    if bucket.closes then close_bucket(account, bucket) end
  end
  return earliest
end
