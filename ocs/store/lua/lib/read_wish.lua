-- Purpose: what a caller wants, from its arguments.
-- Returns: the wish
local function read_wish(requested_units, all_or_nothing, validity_ms, jitter_permille)
  return {requested = requested_units + 0, all_or_nothing = all_or_nothing == '1',
    validity = validity_ms + 0, jitter = jitter_permille + 0}
end
