-- Purpose: note what a reservation holds from now on in the caps of one subscriber or group.
-- Returns: nothing
local function set_holder_hold(holder, id, hold)
  local own, prefix, cap_lines = '', holder.name .. ':', hold and hold.cap_lines or {}
  for i = 1, #cap_lines do
    local line = cap_lines[i]
    if string.sub(line, 1, #prefix) == prefix then
      own = own .. ',' .. string.sub(line, #prefix + 1)
    end
  end
  local field = 'h:' .. id
  if own ~= '' then
    holder.holds[field] = own
    holder.changes[field] = string.format('%d ', hold.expire_ms) .. string.sub(own, 2)
  elseif holder.holds[field] then
    holder.holds[field] = nil
    holder.changes[field] = false
  end
end
