-- Purpose: buckets that may pay now, in consumption order, up to and including a blocking one.
-- Include: available, read_bucket
-- Returns: sources {bucket, capacity}
local function sources_for(account, terms)
  local sources, now = {}, account.now
  for _, id in ipairs(account.ids) do
    local bucket = read_bucket(account, id)
    if (bucket.money or bucket.unit == terms.unit) and bucket.start_ms <= now
      and (bucket.expire_ms == 0 or bucket.expire_ms > now)
      and (bucket.services == '-'
        or string.find(',' .. bucket.services .. ',', ',' .. terms.service .. ',', 1, true))
      and (bucket.zones == '-'
        or string.find(',' .. bucket.zones .. ',', ',' .. terms.zone .. ',', 1, true)) then
      local capacity = available(account, bucket)
      if capacity > 0 or bucket.money then
        sources[#sources + 1] = {bucket = bucket, capacity = capacity}
      end
      if bucket.blocking then break end
    end
  end
  return sources
end
