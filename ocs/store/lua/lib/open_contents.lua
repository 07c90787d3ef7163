-- Purpose: open a bucket for each content of a bundle, in memory: `bundle.seq.number`, numbers that
--   are taken left out.
-- Include: insert_bucket, put_in, read_bucket
-- Returns: what was opened {id, content, use}; its tokens; `bucket:unit:quantity` of each, split by
--   commas
local function open_contents(account, bundle_id, bundle, start, finish)
  local opened, tokens, lines, number = {}, '', {}, 0
  local fields, changes = account.fields, account.changes
  for i = 1, #bundle do
    local content, id = bundle[i], nil
    repeat
      number = number + 1
      id = bundle_id .. string.format('.%d.%d', account.seq + 1, number)
    until not fields['t:' .. id]
    local use = content.services .. ' ' .. content.zones
    local terms_text = content.unit .. ' ' .. content.priority
      .. string.format(' %d %d 0 ', start, finish) .. use
    fields['t:' .. id], fields['b:' .. id] = terms_text, '0 0 0 0 0 0'
    changes['t:' .. id] = terms_text
    put_in(read_bucket(account, id), content.quantity + 0)
    insert_bucket(account, id)
    if content.threshold ~= '-' then
      fields['l:' .. id] = content.threshold .. ' 0'
      changes['l:' .. id] = fields['l:' .. id]
    end
    opened[i] = {id = id, content = content, use = content.unit .. ' ' .. use}
    tokens = tokens .. ' v=' .. id .. ':' .. content.quantity .. ':' .. content.roll_over .. ':'
      .. content.threshold .. ':' .. string.gsub(terms_text, ' ', ':')
    lines[i] = id .. ':' .. content.unit .. ':' .. content.quantity
  end
  changes.order = table.concat(account.ids, ' ')
  return opened, tokens, table.concat(lines, ',')
end
