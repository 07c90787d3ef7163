-- Purpose: credit a bucket, in memory.
-- Returns: nothing
local function put_in(bucket, quantity)
  local credited, others = string.match(bucket.rest, '^(%d+)( %d+ %d+)$')
  bucket.balance = bucket.balance + quantity
  bucket.rest = string.format('%d', credited + quantity) .. others
end
