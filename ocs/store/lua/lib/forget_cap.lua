-- Purpose: remove a cap's definition and counter, in memory, and a subscriber's or group's own note
--   of what is held in it. The profile holds the definitions of the account's own caps.
-- Include: other_lines
-- Returns: nothing
local function forget_cap(account, holder, id)
  local gone = holder.lapsed
  gone[#gone + 1] = 'q:' .. id
  if holder.name == 'account' then
    account.caps[id], account.gone = nil, account.gone or {}
    account.gone[#account.gone + 1] = 'c:' .. id
    return
  end
  gone[#gone + 1] = 'c:' .. id
  for field, lines in pairs(holder.holds) do
    local left = other_lines(string.sub(lines, 2), id .. ':')
    holder.changes[field] = left ~= ''
      and string.match(holder.fields[field], '^%d+ ') .. left
  end
end
