-- Purpose: why a commit does not fit the state of its reservation, in order of precedence.
-- Returns: a reason, or nil
local function commit_refusal(state, hold, used, reject_overrun, decided, successor, order, target)
  if state ~= 'open' then return 'RESERVATION_CLOSED' end
  if decided ~= '' then return decided end
  local granted = hold and hold.granted or 0
  if reject_overrun and used > granted then return 'COMMIT_EXCEEDS_RESERVED' end
  if successor then return 'RESERVATION_EXISTS' end
  if order == 'reused' then return 'SEQUENCE_NUMBER_REUSED' end
  if not target then return 'CHARGE_LIMIT' end
  return nil
end
