-- Purpose: read a bundle as the service spells it: `price span_ms first_end second_end renewals
--   content content ...`, each content `unit:priority:services:zones:quantity:roll_over:threshold`,
--   services and zones split by commas, - for all; threshold - for none. span_ms 0: it ends with
--   the month, at the first of the two ends that is after its start.
-- Returns: the bundle, its contents by number; nil of an empty text
local function parse_bundle(text)
  if text == '' then return nil end
  local price, span_ms, first_end, second_end, renewals, contents =
    string.match(text, '^(%d+) (%d+) (%d+) (%d+) (%d+) (.+)$')
  local bundle = {price = price + 0, span_ms = span_ms + 0, first_end = first_end + 0,
    second_end = second_end + 0, renewals = renewals + 0}
  for unit, priority, services, zones, quantity, roll_over, threshold in
    string.gmatch(contents, '(%a+):(%d+):([^: ]+):([^: ]+):(%d+):(%d+):([^: ]+)') do
    bundle[#bundle + 1] = {unit = unit, priority = priority, services = services, zones = zones,
      quantity = quantity, roll_over = roll_over, threshold = threshold}
  end
  return bundle
end
