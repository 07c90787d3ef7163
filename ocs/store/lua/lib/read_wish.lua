-- Purpose: what a caller wants, from its arguments.
-- Returns: the wish
local function read_wish(requested_units, all_or_nothing, validity_ms, jitter_permille)
  return {requested = tonumber(requested_units), all_or_nothing = all_or_nothing == '1',
    validity = tonumber(validity_ms), jitter = tonumber(jitter_permille)}
end
