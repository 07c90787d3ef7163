-- Purpose: read how a service is metered and priced, as the service compiled it:
--   `service unit zone tier price partner version plan change steps rounding quantum max connect
--   grant_min validity`, - for no zone, tier, price, partner or plan; change 0 for none; steps
--   `start:increment:num:den:base:rest`, split by commas; max 0 for none.
-- Include: keep_parsed
-- Returns: the terms; shared, see lib/keep_parsed. The rate's grid is the rate whose increments
--   count: itself, or of a tier the session's own.
local kept = {count = 0, parsed = {}}

local function parse_terms(text)
  local terms = kept.parsed[text]
  if terms then return terms end
  local facts, listed = string.match(text, '^(%S+ %a+ %S+ %S+ %S+ %S+ %S+ %S+ %d+) (.+)$')
  if not facts then error({err = 'STATE_CORRUPT terms'}) end
  local service, unit, zone, tier, change =
    string.match(facts, '^(%S+) (%a+) (%S+) (%S+) %S+ %S+ %S+ %S+ (%d+)$')
  local steps, rounding, quantum, max, connect, grant_min, validity =
    string.match(listed, '^([%d:,]+) ([%a_]+) (%d+) (%d+) (%d+) (%d+) (%d+)$')
  if not steps then error({err = 'STATE_CORRUPT terms'}) end
  local rate = {rounding = rounding, quantum = tonumber(quantum), bounded = max ~= '0',
    connect = tonumber(connect), count = 0}
  rate.max = rate.bounded and tonumber(max) or LIMITS.QUANTITY_MAX - rate.connect
  for start, increment, num, den, base, rest in
    string.gmatch(steps, '(%d+):(%d+):(%d+):(%d+):(%d+):(%d+)') do
    rate.count = rate.count + 1
    rate[rate.count] = {
      number = rate.count,
      start = tonumber(start), increment = tonumber(increment), num = tonumber(num),
      den = tonumber(den), base = tonumber(base), rest = tonumber(rest),
    }
  end
  if rate.count == 0 then error({err = 'STATE_CORRUPT terms'}) end
  rate.grid = rate
  if tier ~= '-' then
    rate.tier, rate.grid = tier, {count = 1, {start = 0, increment = rate[1].increment}}
  end
  return keep_parsed(kept, text, {
    text = text, facts = facts, service = service, unit = unit, zone = zone, rate = rate,
    change = tonumber(change), grant_min = math.max(1, tonumber(grant_min)),
    validity = tonumber(validity),
  }, 1)
end
