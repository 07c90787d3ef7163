-- Purpose: decide how much may be held now; order of refusals: buckets, then caps. Reads only. A
--   partial grant is at least grant_min and ends on an increment boundary.
-- Include: allocate, cap_text, clip, cost, grant_validity, hold_until, no_grant, reach, sources_for,
--   target_of, within_caps
-- Returns: the grant: outcome, and if GRANTED what to hold
local function decide_grant(account, terms, session, wish, caps)
  local grant = no_grant('TOO_MANY_RESERVATIONS')
  if account.open_count >= LIMITS.OPEN_RESERVATIONS_MAX then return grant end
  grant.outcome = 'CREDIT_LIMIT_REACHED'
  local rate, start = terms.rate, session.paid_to
  local least = wish.requested
  if not wish.all_or_nothing then least = math.min(least, math.max(1, terms.grant_min)) end
  local need = target_of(rate, session, least)
  if not need then return grant end
  local full = target_of(rate, session, wish.requested)
  if not full then
    full = reach(rate, start, LIMITS.QUANTITY_MAX, LIMITS.QUANTITY_MAX - cost(rate, start))
    full = full - math.fmod(full, rate.increment)
  end
  local segments, to = allocate(rate, start, full, sources_for(account, terms))
  if to < full then to = math.max(start, to - math.fmod(to, rate.increment)) end
  if to < need then return grant end
  local binding
  to, binding = within_caps(rate, start, to, segments, caps)
  if binding and to < need then
    grant.outcome, grant.cap = 'SPENDING_CAP_REACHED', cap_text(binding)
    return grant
  end
  clip(rate, segments, to)
  grant.outcome, grant.segments, grant.units = 'GRANTED', segments, to - start
  grant.granted = math.min(wish.requested, to - session.position)
  local limited = grant.granted < wish.requested
  if binding and limited then grant.cap = cap_text(binding) end
  local cut = limited and not (binding and binding.finish == 0)
  local validity = wish.validity > 0 and wish.validity or terms.validity
  if cut and account.open_count > 0 then
    validity = math.min(validity, LIMITS.VALIDITY_SHORT_MS)
  end
  grant.final = cut and account.open_count == 0
  validity = grant_validity(account.now, validity, wish, segments, caps)
  grant.valid_until, grant.expire_ms = account.now + validity, hold_until(account.now, validity)
  return grant
end
