-- Purpose: say whether a stream id is before another; an empty one is before all. Their parts have
--   up to 64 bits, which a number does not hold: as texts without leading zeros, the longer is the
--   greater.
-- Returns: whether a < b
local function is_before(a, b)
  if a == '' or b == '' then return a == '' and b ~= '' end
  local a_ms, a_number = string.match(a, '^(%d+)-(%d+)$')
  local b_ms, b_number = string.match(b, '^(%d+)-(%d+)$')
  if not a_ms or not b_ms then error({err = 'STATE_CORRUPT position'}) end
  if a_ms == b_ms then a_ms, b_ms = a_number, b_number end
  if #a_ms ~= #b_ms then return #a_ms < #b_ms end
  return a_ms < b_ms
end
