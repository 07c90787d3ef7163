-- Purpose: give back what a hold holds, in memory; caps of an earlier period do not change.
-- Include: count_cap, read_counter
-- Returns: the money given back
local function give_back(account, hold)
  local micros = 0
  for _, line in ipairs(hold.lines) do
    line.bucket.reserved = line.bucket.reserved - line.quantity
    if line.bucket.money then micros = micros + line.quantity end
  end
  for _, line in ipairs(hold.cap_lines) do
    if line.name == 'account' and read_counter(account, line.id).period <= line.period then
      count_cap(account, account, line.id, line.period, 0, -line.quantity)
    end
  end
  account.open_count = account.open_count - 1
  return micros
end
