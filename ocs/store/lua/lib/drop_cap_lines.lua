-- Purpose: leave out of every open hold, in memory, what it holds in one cap: its lines begin with
--   prefix, `holder:cap:`. A reservation that ended in this very call holds nothing any more.
-- Include: other_lines
-- Returns: nothing
local function drop_cap_lines(account, prefix)
  local changes = account.hold_changes or {}
  account.hold_changes = changes
  for id, text in pairs(redis.call('HGETALL', account.call.holds_key).map) do
    local head, lines = string.match(text, '^(%d+ %d+ %S+ )(%S+)$')
    if not head then error({err = 'STATE_CORRUPT hold'}) end
    local left = other_lines(lines, prefix)
    if left ~= lines and changes[id] == nil then
      changes[id] = head .. (left == '' and '-' or left)
    end
  end
end
