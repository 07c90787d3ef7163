-- Purpose: spell the account's own figures: format, profile version, seq, clock floor, earliest
--   deadline (a lower bound; 0 = none), open reservations, credit limit, last event's stream id.
-- Returns: the field's value
local function state_text(account)
  return '1 ' .. account.version .. string.format(' %d %d %d %d %d ', account.seq, account.now,
    account.due, account.open_count, account.credit_limit) .. account.last_event
end
