-- Purpose: read a reservation: `state forget_ms session subscriber terms`, subscriber - for none.
-- Include: parse_terms
-- Returns: the reservation, or nil if it is unknown or no longer remembered
local function parse_reservation(text, now)
  if not text then return nil end
  local state, forget_ms, session, subscriber, terms_text =
    string.match(text, '^(%a+) (%d+) (%S+) (%S+) (.+)$')
  if not state then error({err = 'STATE_CORRUPT reservation'}) end
  forget_ms = forget_ms + 0
  if forget_ms <= now then return nil end
  local terms = parse_terms(terms_text)
  return {
    state = state, forget_ms = forget_ms, session = session, subscriber = subscriber,
    terms = terms,
    facts = terms.facts .. ' ' .. session .. ' ' .. subscriber,
  }
end
