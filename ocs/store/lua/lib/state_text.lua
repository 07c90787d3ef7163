-- Purpose: spell the account's own figures: format, profile version, seq, clock floor, earliest
--   deadline (a lower bound; 0 = none), open reservations, credit limit, last event's stream id.
-- Returns: the field's value
local function state_text(account)
  local moment = account.moment or string.format(' %d %d ', account.seq, account.now)
  return '1 ' .. account.version .. moment .. string.format('%d %d %d ', account.due,
    account.open_count, account.credit_limit) .. account.last_event
end
