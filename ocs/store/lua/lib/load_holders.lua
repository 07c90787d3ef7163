-- Purpose: read the subscriber and groups whose caps may count, in the order of their names.
-- Include: load_holder
-- Returns: holders by position and by name, or nil if the subscriber is unknown
local function load_holders(account, names, keys)
  local holders, i = {}, 0
  if #keys == 0 then return holders end
  for name in string.gmatch(names, '%S+') do
    i = i + 1
    local holder = load_holder(keys[i], name, account.now)
    if not holder then
      -- A group exists as soon as someone belongs to it; its key appears with its first cap.
      if i == 1 then return nil end
      holder = {key = keys[i], name = name, fields = {}, holds = {}, lapsed = {}, caps = {},
        now = account.now, changes = {}}
    end
    holders[i], holders[name] = holder, holder
  end
  return holders
end
