-- Purpose: read how a service is metered, priced and granted, as the service compiled it:
--   `service unit zone steps rounding quantum max connect grant_min validity_ms tariff_version`,
--   zone - for none; steps `start:increment:num:den:base:rest`, split by commas; max 0 for none.
-- Include: keep_parsed
-- Returns: the terms; shared, see lib/keep_parsed
local kept = {count = 0, parsed = {}}

local function parse_terms(text)
  local terms = kept.parsed[text]
  if terms then return terms end
  local service, unit, zone, steps, rounding, quantum, max, connect, grant_min, validity =
    string.match(text, '^(%S+) (%a+) (%S+) ([%d:,]+) ([%a_]+) (%d+) (%d+) (%d+) (%d+) (%d+) %S+$')
  if not service then error({err = 'STATE_CORRUPT terms'}) end
  local rate = {rounding = rounding, quantum = tonumber(quantum), bounded = max ~= '0',
    connect = tonumber(connect), count = 0}
  rate.max = rate.bounded and tonumber(max) or LIMITS.QUANTITY_MAX - rate.connect
  for start, increment, num, den, base, rest in
    string.gmatch(steps, '(%d+):(%d+):(%d+):(%d+):(%d+):(%d+)') do
    rate.count = rate.count + 1
    rate[rate.count] = {
      start = tonumber(start), increment = tonumber(increment), num = tonumber(num),
      den = tonumber(den), base = tonumber(base), rest = tonumber(rest),
    }
  end
  if rate.count == 0 then error({err = 'STATE_CORRUPT terms'}) end
  return keep_parsed(kept, text, {
    text = text, service = service, unit = unit, zone = zone,
    grant_min = math.max(1, tonumber(grant_min)), validity = tonumber(validity), rate = rate,
  }, 1)
end
