-- Purpose: expire what is due, in memory: holds oldest first, at most 64 a call, then ended
--   buckets. The account's earliest deadline is a lower bound, so a call with nothing due reads no
--   holds.
-- Include: close_buckets, expire_hold, next_due
-- Returns: true if more holds are due; then the call goes no further
local function expire_due(account)
  if account.due == 0 or account.due > account.now then return false end
  local holds, due, earliest = redis.call('HGETALL', account.call.holds_key).map, {}, 0
  account.hold_changes = {}
  for id, text in pairs(holds) do
    local expire_ms = tonumber(string.match(text, '^(%d+) '))
    if not expire_ms then error({err = 'STATE_CORRUPT hold'}) end
    if expire_ms <= account.now then
      due[#due + 1] = {expire_ms = expire_ms, id = id, text = text}
    elseif earliest == 0 or expire_ms < earliest then
      earliest = expire_ms
    end
  end
  table.sort(due, function(a, b)
    if a.expire_ms ~= b.expire_ms then return a.expire_ms < b.expire_ms end
    return a.id < b.id
  end)
  for i = 1, math.min(#due, LIMITS.EXPIRIES_PER_CALL_MAX) do
    expire_hold(account, due[i].id, due[i].text)
  end
  if #due > LIMITS.EXPIRIES_PER_CALL_MAX then return true end
  account.holds_due = earliest
  account.due, account.due_moved = next_due(account, close_buckets(account)), true
  return false
end
