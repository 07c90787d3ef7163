-- Purpose: let a bundle end, in memory: nothing waits for it any more.
-- Include: save_renewal, waiting_buckets
-- Returns: nothing
local function give_up_renewal(account, bundle_id)
  save_renewal(account, bundle_id, nil)
  for _, bucket in ipairs(waiting_buckets(account, bundle_id)) do
    account.fields['o:' .. bucket.id] = nil
    account.gone[#account.gone + 1] = 'o:' .. bucket.id
  end
end
