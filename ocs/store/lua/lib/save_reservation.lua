-- Purpose: write a reservation; it is remembered until forget_ms and holds nothing itself, so its
--   key may go by itself.
-- Returns: nothing
local function save_reservation(account, key, state, forget_ms, session, subscriber, terms)
  local text = state .. string.format(' %d ', forget_ms) .. session .. ' ' .. subscriber .. ' '
    .. terms.text
  redis.call('SET', key, text,
    'PX', string.format('%d', forget_ms - account.raw + LIMITS.TTL_SLACK_MS))
end
