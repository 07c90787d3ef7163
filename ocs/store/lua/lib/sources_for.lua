-- Purpose: buckets that may pay now, in consumption order, up to and including a blocking one.
-- Include: available, parse_bucket_terms, pays_for, read_bucket
-- Returns: sources {bucket, quantity}
local function sources_for(account, terms)
  local sources, ids = {}, account.ids
  for i = 1, #ids do
    local id = ids[i]
    local bucket_terms = parse_bucket_terms(account.fields['t:' .. id] or '')
    if pays_for(bucket_terms, terms, account.now) then
      local bucket = read_bucket(account, id)
      local capacity = available(account, bucket)
      if capacity > 0 or bucket.money then
        sources[#sources + 1] = {bucket = bucket, quantity = capacity}
      end
      if bucket_terms.blocking then break end
    end
  end
  return sources
end
