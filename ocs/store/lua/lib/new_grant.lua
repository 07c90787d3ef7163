-- Purpose: what was decided to be held, and for how long. A grant that was cut is final if nothing
--   else is held that could come back; otherwise it is only short.
-- Include: cap_text, grant_validity, hold_until
-- Returns: the grant
local function new_grant(account, terms, wish, caps, segments, units, granted, binding)
  local limited, alone = granted < wish.requested, account.open_count == 0
  local cut = limited and not (binding and binding.finish == 0)
  local validity = wish.validity > 0 and wish.validity or terms.validity
  if cut and not alone then validity = math.min(validity, LIMITS.VALIDITY_SHORT_MS) end
  validity = grant_validity(account.now, validity, terms.change, wish, segments, caps)
  return {
    outcome = 'GRANTED', segments = segments, units = units, granted = granted, micros = 0,
    valid_until = account.now + validity, expire_ms = hold_until(account.now, validity),
    final = cut and alone, change = terms.change, cap = limited and binding and cap_text(binding),
  }
end
