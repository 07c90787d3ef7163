-- Purpose: what may be newly held or taken; only main has a credit limit.
-- Returns: balance + credit_limit - reserved, never below 0
local function available(account, bucket)
  local left = bucket.balance - bucket.reserved
  if bucket.id == 'main' then left = left + account.credit_limit end
  return left > 0 and left or 0
end
