-- Purpose: tell whether a bucket may pay for a service now: unit, validity, service and zone.
-- Returns: boolean
local function pays_for(bucket, terms, now)
  return (bucket.money or bucket.unit == terms.unit) and bucket.start_ms <= now
    and (bucket.expire_ms == 0 or bucket.expire_ms > now)
    and (not bucket.services
      or string.find(bucket.services, ',' .. terms.service .. ',', 1, true) ~= nil)
    and (not bucket.zones or string.find(bucket.zones, ',' .. terms.zone .. ',', 1, true) ~= nil)
end
