-- Purpose: where what is left in a bucket goes when it ends: `o:<bucket>`: `bundle to most`. While
--   there is no `to` its bundle is not renewed yet, and the bucket waits.
-- Returns: the other bucket's id and how much at most, - and how much if it waits, or nil
local function roll_over_of(account, id)
  local order = account.fields['o:' .. id]
  if not order then return nil end
  local to, most = string.match(order, '^%S+ (%S+) (%d+)$')
  if not to then error({err = 'STATE_CORRUPT roll-over'}) end
  return to, most + 0
end
