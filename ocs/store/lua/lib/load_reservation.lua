-- Purpose: read a reservation: `state forget_ms session subscriber terms`, subscriber - for none.
-- Include: parse_terms
-- Returns: the reservation, or nil if it is unknown or no longer remembered
local function load_reservation(reservation_key, now)
  local text = redis.call('GET', reservation_key)
  if not text then return nil end
  local state, forget_ms, session, subscriber, terms =
    string.match(text, '^(%a+) (%d+) (%S+) (%S+) (.+)$')
  if not state then error({err = 'STATE_CORRUPT reservation'}) end
  if tonumber(forget_ms) <= now then return nil end
  terms = parse_terms(terms)
  return {
    state = state, forget_ms = tonumber(forget_ms), session = session, subscriber = subscriber,
    terms = terms,
    facts = table.concat({terms.service, terms.unit, terms.zone, session, subscriber}, ' '),
  }
end
