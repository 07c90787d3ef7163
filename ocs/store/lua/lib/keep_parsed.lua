-- Purpose: keep what a text was parsed into, for the calls after this one. Tariffs, bucket terms
--   and caps repeat from call to call and from account to account; to parse them anew would be a
--   third of a reserve. What a text says depends on the text alone, so nothing kept can become
--   wrong.
-- Returns: what was parsed; nobody may change it
local KEPT_MAX = 8192 -- terms or caps in each kind's table: some 8 MiB; then it starts anew

local function keep_parsed(kept, text, parsed, count)
  if kept.count >= KEPT_MAX then kept.count, kept.parsed = 0, {} end
  kept.count, kept.parsed[text] = kept.count + count, parsed
  return parsed
end
