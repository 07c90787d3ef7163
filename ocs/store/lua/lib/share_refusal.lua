-- Purpose: why a bucket cannot take a quantity back: a figure would pass 2^53-1.
-- Returns: a reason, or nil
local function share_refusal(account, bucket, quantity)
  local credit = quantity - math.min(quantity, bucket.spent + 0)
  local limit = bucket.id == 'main' and account.credit_limit or 0
  if string.match(bucket.rest, '^%d+') + credit + limit > LIMITS.QUANTITY_MAX then
    return 'BALANCE_LIMIT'
  end
  return nil
end
