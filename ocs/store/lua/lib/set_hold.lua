-- Purpose: note what a reservation holds from now on, in the account's holds and in the holds of
--   each subscriber and group whose caps it holds in. Nil hold: nothing, it has ended.
-- Include: set_holder_hold
-- Returns: nothing
local function set_hold(account, holders, id, hold)
  local text = false
  if hold then
    local lines, cap_lines = table.concat(hold.lines, ','), table.concat(hold.cap_lines, ',')
    text = string.format('%d %d ', hold.expire_ms, hold.granted)
      .. (lines == '' and '-' or lines) .. ' ' .. (cap_lines == '' and '-' or cap_lines)
    if account.due == 0 or hold.expire_ms < account.due then
      account.due, account.due_moved = hold.expire_ms, true
    end
  end
  account.hold_changes = account.hold_changes or {}
  account.hold_changes[id] = text
  for i = 1, #holders do set_holder_hold(holders[i], id, hold) end
end
