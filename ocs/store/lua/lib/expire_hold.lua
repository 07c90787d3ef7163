-- Purpose: end a lapsed reservation, in memory.
-- Include: emit, give_back, parse_hold
-- Returns: nothing
local function expire_hold(account, id, text)
  give_back(account, parse_hold(account, text))
  account.hold_changes[id] = false
  emit(account, 'EXPIRE', '-', id, ' d=0:0', '')
end
