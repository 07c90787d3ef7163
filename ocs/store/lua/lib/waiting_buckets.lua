-- Purpose: the buckets whose rest waits for a bundle to be renewed, in consumption order.
-- Returns: {id, most}
local function waiting_buckets(account, bundle_id)
  local waiting = {}
  for _, id in ipairs(account.ids) do
    local of, most = string.match(account.fields['o:' .. id] or '', '^(%S+) %- (%d+)$')
    if of == bundle_id then waiting[#waiting + 1] = {id = id, most = most} end
  end
  return waiting
end
