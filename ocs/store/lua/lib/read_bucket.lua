-- Purpose: read a bucket's figures, once a call: `balance reserved spent credited expired
--   withdrawn`.
-- Include: parse_bucket_terms
-- Returns: the bucket
local function read_bucket(account, id)
  local bucket = account.buckets[id]
  if bucket then return bucket end
  local balance, reserved, spent, rest =
    string.match(account.fields['b:' .. id] or '', '^(%-?%d+) (%d+) (%d+) (.+)$')
  if not balance then error({err = 'STATE_CORRUPT bucket'}) end
  balance, reserved = balance + 0, reserved + 0
  if balance > LIMITS.QUANTITY_MAX or reserved > LIMITS.QUANTITY_MAX then
    error({err = 'STATE_CORRUPT bucket'})
  end
  local terms = parse_bucket_terms(account.fields['t:' .. id] or '')
  bucket = {
    id = id, terms = terms, money = terms.money, balance = balance, reserved = reserved,
    spent = spent, rest = rest, balance_before = balance, reserved_before = reserved, dirty = false,
  }
  account.buckets[id] = bucket
  return bucket
end
