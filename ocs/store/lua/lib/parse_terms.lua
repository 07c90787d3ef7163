-- Purpose: read how a service is metered, priced and granted, as the service compiled it:
--   `service unit zone increment num den grant_min validity_ms tariff_version`, zone - for none.
-- Include: keep_parsed
-- Returns: the terms; shared, see lib/keep_parsed
local kept = {count = 0, parsed = {}}

local function parse_terms(text)
  local terms = kept.parsed[text]
  if terms then return terms end
  local service, unit, zone, increment, num, den, grant_min, validity =
    string.match(text, '^(%S+) (%a+) (%S+) (%d+) (%d+) (%d+) (%d+) (%d+) %S+$')
  if not service then error({err = 'STATE_CORRUPT terms'}) end
  return keep_parsed(kept, text, {
    text = text, service = service, unit = unit, zone = zone,
    grant_min = math.max(1, tonumber(grant_min)), validity = tonumber(validity),
    rate = {increment = tonumber(increment), num = tonumber(num), den = tonumber(den)},
  }, 1)
end
