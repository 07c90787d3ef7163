-- Purpose: parse a bucket's figures and terms, once a call.
-- Returns: the bucket
local function read_bucket(account, id)
  local bucket = account.buckets[id]
  if bucket then return bucket end
  local balance, reserved, spent, rest =
    string.match(account.fields['b:' .. id] or '', '^(%-?%d+) (%d+) (%d+) (%d+ %d+ %d+)$')
  local unit, start_ms, expire_ms, blocking, services, zones =
    string.match(account.fields['t:' .. id] or '', '^(%a+) %d+ (%d+) (%d+) ([01]) (%S+) (%S+)$')
  balance, reserved, spent = tonumber(balance), tonumber(reserved), tonumber(spent)
  if not balance or not unit or balance > LIMITS.QUANTITY_MAX or reserved > LIMITS.QUANTITY_MAX then
    error({err = 'STATE_CORRUPT bucket'})
  end
  bucket = {
    id = id, balance = balance, reserved = reserved, spent = spent, rest = rest,
    balance_before = balance, reserved_before = reserved,
    unit = unit, money = unit == 'micros', start_ms = tonumber(start_ms),
    expire_ms = tonumber(expire_ms), blocking = blocking == '1', services = services, zones = zones,
  }
  account.buckets[id] = bucket
  return bucket
end
