-- Purpose: compare a sequence number with the last one of its session and service. -1 on either
--   side: nothing to compare.
-- Returns: `reused`, or the letters of the event's flags
local function session_order(session, sequence)
  local last = session.sequence
  if sequence < 0 or last < 0 then return '' end
  if sequence < last then return 'o' end
  if sequence == last then return 'reused' end
  return sequence > last + 1 and 'g' or ''
end
