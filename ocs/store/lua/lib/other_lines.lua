-- Purpose: leave out the lines that begin with a prefix; lines are split by commas.
-- Returns: the others, split by commas; empty if there are none
local function other_lines(lines, prefix)
  local kept = {}
  for line in string.gmatch(lines, '[^,]+') do
    if string.sub(line, 1, #prefix) ~= prefix then kept[#kept + 1] = line end
  end
  return table.concat(kept, ',')
end
