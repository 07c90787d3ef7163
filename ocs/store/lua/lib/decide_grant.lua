-- Purpose: decide how much may be held now; order of refusals: buckets, then caps. Reads only. A
--   partial grant is at least grant_min and ends on an increment boundary. rate: what the hold is
--   priced at, nil without a price.
-- Include: allocate, cap_text, clip, connect_due, new_grant, no_grant, round_down, sources_for,
--   target_of, wished_target, within_caps
-- Returns: the grant: outcome, and if GRANTED what to hold
local function decide_grant(account, terms, rate, session, wish, caps)
  if account.open_count >= LIMITS.OPEN_RESERVATIONS_MAX then
    return no_grant('TOO_MANY_RESERVATIONS')
  end
  if not rate then return no_grant('CREDIT_LIMIT_REACHED') end
  local start, least = session.paid_to, wish.requested
  if not wish.all_or_nothing then least = math.min(least, terms.grant_min) end
  local need = target_of(rate, session, least)
  if not need then return no_grant('CREDIT_LIMIT_REACHED') end
  local full = wished_target(rate, session, wish.requested)
  local segments, to, fee = allocate(rate, start, full, sources_for(account, terms),
    connect_due(rate, session, wish.requested))
  if fee > 0 then return no_grant('CREDIT_LIMIT_REACHED') end
  if to < full then to = math.max(start, round_down(rate, to)) end
  if to < need then return no_grant('CREDIT_LIMIT_REACHED') end
  local binding
  to, binding = within_caps(account, rate, start, to, segments, caps)
  if to < need then
    local refused = no_grant('SPENDING_CAP_REACHED')
    refused.cap = cap_text(binding)
    return refused
  end
  clip(rate, segments, to)
  local granted = math.min(wish.requested, to - session.position)
  return new_grant(account, terms, wish, caps, segments, to - start, granted, binding)
end
