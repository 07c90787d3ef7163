-- Purpose: read an account. Corrupt state raises, which is safe: nothing has been written yet.
-- Returns: the account with its clock floor applied, or nil if there is none
local function load_account(account_key, raw_ms)
  local flat = redis.call('HGETALL', account_key)
  if #flat == 0 then return nil end
  local fields = {}
  for i = 1, #flat, 2 do fields[flat[i]] = flat[i + 1] end
  local version, seq, floor, due, open_count, credit_limit, last_event =
    string.match(fields.state or '', '^1 (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%S+)$')
  if not version then error({err = 'STATE_CORRUPT state'}) end
  local ids = {}
  for id in string.gmatch(fields.order or '', '%S+') do ids[#ids + 1] = id end
  return {
    name = 'account', fields = fields, ids = ids, buckets = {}, counters = {}, touched = {},
    events = {}, changes = {}, raw = raw_ms, floor = tonumber(floor),
    now = math.max(raw_ms, tonumber(floor)),
    version = version, seq = tonumber(seq), due = tonumber(due), open_count = tonumber(open_count),
    credit_limit = tonumber(credit_limit), last_event = last_event,
  }
end
