-- Purpose: read the caps that count a charge, as the service spells them:
--   `index:cap:unit:limit:start:finish:next_finish`, split by spaces. index is the holder's, 0 for
--   the account; finish 0 means no counter (per request), or, with a next_finish, a rolling window:
--   `slot_ms:0:slots`.
-- Include: keep_parsed
-- Returns: the caps; shared, see lib/keep_parsed
local kept = {count = 0, parsed = {}}

local function parse_caps(text)
  local caps = kept.parsed[text]
  if caps then return caps end
  caps = {}
  for index, id, unit, limit, start, finish, next_finish in
    string.gmatch(text, '(%d+):([^:]+):(%a+):(%d+):(%d+):(%d+):(%d+)') do
    caps[#caps + 1] = {
      index = tonumber(index), id = id, unit = unit, money = unit == 'micros',
      limit = tonumber(limit), start = tonumber(start), finish = tonumber(finish),
      next_finish = tonumber(next_finish), lifetime = finish == next_finish,
      window = finish == '0' and next_finish ~= '0'
        and {slot_ms = tonumber(start), count = tonumber(next_finish)},
    }
  end
  return keep_parsed(kept, text, caps, #caps)
end
