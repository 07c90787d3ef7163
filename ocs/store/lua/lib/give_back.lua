-- Purpose: give back what a hold holds, in memory; caps of an earlier period do not change.
-- Include: count_cap, counts_in, read_cap
-- Returns: the money given back
local function give_back(account, hold)
  local lines, cap_lines, micros = hold.lines, hold.cap_lines, 0
  for i = 1, #lines do
    local bucket, quantity = lines[i].bucket, lines[i].quantity
    bucket.reserved = bucket.reserved - quantity
    if bucket.money then micros = micros + quantity end
  end
  for i = 1, #cap_lines do
    local line = cap_lines[i]
    if line.name == 'account' then
      local cap = read_cap(account, line.id)
      if counts_in(cap, line.period) then
        count_cap(account, cap, line.period, 0, -line.quantity)
      end
    end
  end
  account.open_count = account.open_count - 1
  return micros
end
