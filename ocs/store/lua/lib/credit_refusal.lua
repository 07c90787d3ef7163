-- Purpose: why a bucket takes no credit: it has ended, or a figure would pass 2^53-1, available
--   under the credit limit included.
-- Returns: a reason, or nil
local function credit_refusal(account, bucket, quantity)
  local expire_ms = bucket.terms.expire_ms
  if expire_ms > 0 and expire_ms <= account.now then return 'TOP_UP_EXPIRED' end
  local limit = bucket.id == 'main' and account.credit_limit or 0
  if string.match(bucket.rest, '^%d+') + quantity + limit > LIMITS.QUANTITY_MAX then
    return 'BALANCE_LIMIT'
  end
  return nil
end
