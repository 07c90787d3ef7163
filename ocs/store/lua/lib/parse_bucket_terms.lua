-- Purpose: read what a bucket may pay for, and when: `unit priority start_ms expire_ms blocking
--   services zones`, services and zones split by commas, - for all.
-- Include: keep_parsed
-- Returns: the terms; shared, see lib/keep_parsed
local kept = {count = 0, parsed = {}}

local function parse_bucket_terms(text)
  local terms = kept.parsed[text]
  if terms then return terms end
  local unit, priority, start_ms, expire_ms, blocking, services, zones =
    string.match(text, '^(%a+) (%d+) (%d+) (%d+) ([01]) (%S+) (%S+)$')
  if not unit then error({err = 'STATE_CORRUPT bucket'}) end
  return keep_parsed(kept, text, {
    unit = unit, money = unit == 'micros', priority = tonumber(priority),
    start_ms = tonumber(start_ms), expire_ms = tonumber(expire_ms), blocking = blocking == '1',
    services = services ~= '-' and ',' .. services .. ',',
    zones = zones ~= '-' and ',' .. zones .. ',',
  }, 1)
end
