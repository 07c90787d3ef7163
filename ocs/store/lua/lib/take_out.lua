-- Purpose: take a quantity out of a bucket that nobody used, in memory.
-- Returns: nothing
local function take_out(bucket, quantity)
  local kept, withdrawn = string.match(bucket.rest, '^(%d+ %d+) (%d+)$')
  bucket.balance = bucket.balance - quantity
  bucket.rest = kept .. string.format(' %d', withdrawn + quantity)
end
