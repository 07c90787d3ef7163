-- Purpose: read an account. Corrupt state raises, which is safe: nothing has been written yet.
-- Returns: the account with its clock floor applied, or nil if there is none
local function load_account(account_key, raw_ms)
  local fields = redis.call('HGETALL', account_key).map
  if not next(fields) then return nil end
  local version, seq, floor, due, open_count, credit_limit, last_event =
    string.match(fields.state or '', '^1 (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%S+)$')
  if not version then error({err = 'STATE_CORRUPT state'}) end
  local ids, count = {}, 0
  for id in string.gmatch(fields.order or '', '%S+') do
    count = count + 1
    ids[count] = id
  end
  if ids[count] ~= 'main' then error({err = 'STATE_CORRUPT order'}) end
  floor = floor + 0
  return {
    name = 'account', fields = fields, ids = ids, buckets = {}, caps = {}, touched = {},
    dirty = {}, events = {}, changes = {}, raw = raw_ms, floor = floor,
    now = raw_ms > floor and raw_ms or floor, version = version, seq = seq + 0, due = due + 0,
    open_count = open_count + 0, credit_limit = credit_limit + 0, last_event = last_event,
  }
end
