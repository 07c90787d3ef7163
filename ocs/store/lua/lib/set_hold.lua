-- Purpose: note what a reservation holds from now on, in the account's holds and in the holds of each
--   subscriber and group whose caps it holds in. Nil hold: nothing, it has ended.
-- Returns: nothing
local function set_hold(account, holders, id, hold)
  local text = false
  if hold then
    local lines, cap_lines = hold.lines, hold.cap_lines
    text = string.format('%d %d %s %s', hold.expire_ms, hold.granted,
      #lines > 0 and table.concat(lines, ',') or '-',
      #cap_lines > 0 and table.concat(cap_lines, ',') or '-')
    if account.due == 0 or hold.expire_ms < account.due then
      account.due, account.due_moved = hold.expire_ms, true
    end
  end
  account.hold_changes = account.hold_changes or {}
  account.hold_changes[id] = text
  for _, holder in ipairs(holders) do
    local own, prefix = {}, holder.name .. ':'
    for _, line in ipairs(hold and hold.cap_lines or {}) do
      if string.sub(line, 1, #prefix) == prefix then
        own[#own + 1] = string.sub(line, #prefix + 1)
      end
    end
    local field = 'h:' .. id
    if #own > 0 then
      local held = table.concat(own, ',')
      holder.holds[field] = held
      holder.changes[field] = string.format('%d %s', hold.expire_ms, held)
    elseif holder.holds[field] then
      holder.holds[field] = nil
      holder.changes[field] = false
    end
  end
end
