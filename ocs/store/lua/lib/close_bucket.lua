-- Purpose: remove an ended bucket, in memory; what is left in it rolls over as far as its bundle
--   says, unless the other bucket closes too. The rest is forfeited.
-- Include: emit, put_in, roll_over_of
-- Returns: nothing
local function close_bucket(account, bucket)
  local id, fields, moved, tokens = bucket.id, account.fields, 0, ''
  local credited, expired, withdrawn = string.match(bucket.rest, '^(%d+) (%d+) (%d+)$')
  local to, most = roll_over_of(account, id)
  local target = to and account.buckets[to]
  if target and not target.closes then
    moved = math.min(bucket.balance, most,
      LIMITS.QUANTITY_MAX - string.match(target.rest, '^%d+'))
    if moved > 0 then
      put_in(target, moved)
      tokens = ' o=' .. id .. ':' .. to .. string.format(':%d', moved)
    end
  end
  for _, field in ipairs({'b:' .. id, 't:' .. id, 'l:' .. id, 'o:' .. id}) do
    if fields[field] then account.gone[#account.gone + 1] = field end
    fields[field], account.changes[field] = nil, nil
  end
  account.buckets[id] = nil
  emit(account, 'BUCKET_CLOSED', '-', id, string.format(' z=%s:%d:%d:%d', credited, bucket.spent,
    expired + bucket.balance - moved, withdrawn + moved) .. tokens, '')
end
