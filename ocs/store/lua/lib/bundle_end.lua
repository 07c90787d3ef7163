-- Purpose: when a bundle ends that starts then.
-- Returns: milliseconds, or nil if it starts in neither of the months that the service named
local function bundle_end(bundle, start)
  if bundle.span_ms > 0 then return start + bundle.span_ms end
  if start < bundle.first_end then return bundle.first_end end
  if start < bundle.second_end then return bundle.second_end end
  return nil
end
