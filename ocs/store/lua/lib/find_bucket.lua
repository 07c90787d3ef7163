-- Purpose: a bucket by id, if the account has it.
-- Include: read_bucket
-- Returns: the bucket, or nil
local function find_bucket(account, id)
  for i = 1, #account.ids do
    if account.ids[i] == id then return read_bucket(account, id) end
  end
  return nil
end
