-- Purpose: give a quantity back to a bucket, in memory: it undoes what the bucket spent; what
--   another one spent is a credit here.
-- Returns: nothing
local function give_share(bucket, quantity)
  local credited, others = string.match(bucket.rest, '^(%d+)( %d+ %d+)$')
  local unspent = math.min(quantity, bucket.spent + 0)
  bucket.balance, bucket.spent = bucket.balance + quantity, bucket.spent - unspent
  -- The difference first: credited + quantity may pass 2^53, where doubles are no longer exact.
  bucket.rest = string.format('%d', credited + (quantity - unspent)) .. others
end
