-- Purpose: what every mutation of an account does first: the clock, the account, its request
--   record, the age of the request. call carries the keys and what the caller said of itself; the
--   strings under further keys are read together with the record.
-- Include: check_age, load_account, replay, store_time
-- Returns: the account, or nil and the answer; then the text under each further key, or nil
local function begin_call(call, first_key, second_key)
  local raw, refusal = store_time(call.now_ms, call.server_ms, call.deadline_ms)
  if not raw then return nil, refusal end
  local account = load_account(call.key, raw)
  if not account then return nil, string.format('!ACCOUNT_NOT_FOUND 0 %d', raw) end
  account.call = call
  -- Not MGET: it takes a key of another type for none.
  local early = replay(account, redis.call('GET', call.request_key)) or check_age(account)
  if early then return nil, early end
  return account, nil, first_key and redis.call('GET', first_key),
    second_key and redis.call('GET', second_key)
end
