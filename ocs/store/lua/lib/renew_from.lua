-- Purpose: remember that a bundle that was bought is renewed so many times more, and what rolls
--   over then, in memory. It is renewed a little before its end, so that no call finds a gap.
-- Include: due_by, save_renewal
-- Returns: the token of the renewal; empty if there is none
local function renew_from(account, bundle_id, sale, start, left)
  if left == 0 then return save_renewal(account, bundle_id, nil) end
  local finish = sale.expire_ms
  local lead = math.min(LIMITS.RENEWAL_LEAD_MAX_MS, math.floor((finish - start) / 10))
  for _, one in ipairs(sale.opened) do
    if one.content.roll_over ~= '0' then
      local order = bundle_id .. ' - ' .. one.content.roll_over
      account.fields['o:' .. one.id], account.changes['o:' .. one.id] = order, order
    end
  end
  due_by(account, finish - lead)
  return save_renewal(account, bundle_id,
    {due_ms = finish - lead, end_ms = finish, left = left, tries = 0})
end
