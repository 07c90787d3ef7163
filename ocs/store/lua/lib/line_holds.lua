-- Purpose: say whether an open reservation is a line's. Whose one is stands in its own key; the
--   service names those that it found open, and one more may have been opened since.
-- Include: parse_reservation
-- Returns: why the line stays as it is: STALE_PROFILE, SUBSCRIBER_HOLDS_RESERVATIONS; or false
local function line_holds(account, holds_key, open_ids, reservation_keys, subscriber)
  local place, count = {}, 0
  for id in string.gmatch(open_ids, '%S+') do
    count = count + 1
    place[id] = count
  end
  if count ~= #reservation_keys then error({err = 'STATE_CORRUPT reservations'}) end
  local ended, holds = account.hold_changes or {}, false
  for id in pairs(redis.call('HGETALL', holds_key).map) do
    if ended[id] == nil then
      if not place[id] then return 'STALE_PROFILE' end
      local reservation =
        parse_reservation(redis.call('GET', reservation_keys[place[id]]), account.now)
      if not reservation then error({err = 'STATE_CORRUPT reservation'}) end
      holds = holds or reservation.subscriber == subscriber
    end
  end
  return holds and 'SUBSCRIBER_HOLDS_RESERVATIONS'
end
