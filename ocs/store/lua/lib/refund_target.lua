-- Purpose: where a share goes: where it came from; if that is gone to the named bucket (- for
--   none), else money to main and units nowhere.
-- Include: find_bucket
-- Returns: the bucket, nil for nowhere; or nil and a reason
local function refund_target(account, line, named)
  local bucket = find_bucket(account, line.id)
  if bucket and bucket.money == line.money then return bucket end
  if named == '-' then return line.money and find_bucket(account, 'main') or nil end
  bucket = find_bucket(account, named)
  if not bucket then return nil, 'BUCKET_NOT_FOUND' end
  if bucket.money ~= line.money then return nil, 'BUCKET_MISMATCH' end
  return bucket
end
