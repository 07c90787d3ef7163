-- Purpose: keep what a text was parsed into, for the calls after this one. Tariffs, bucket terms
--   and caps repeat from call to call and from account to account; to parse them anew would be a
--   fifth of a reserve. What a text says depends on the text alone, so nothing kept can become
--   wrong. kept: {count, parsed}, one for each kind of text; count: how much this text counts.
-- Returns: what was parsed; nobody may change it
local KEPT_MAX = 4096 -- of each kind: some 4 MiB of the store's memory

local function keep_parsed(kept, text, parsed, count)
  -- Which of them are still in use, nobody knows; those are back after one more call each.
  if kept.count >= KEPT_MAX then kept.count, kept.parsed = 0, {} end
  kept.count, kept.parsed[text] = kept.count + count, parsed
  return parsed
end
