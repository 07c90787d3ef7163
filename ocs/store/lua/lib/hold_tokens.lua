-- Purpose: the parts of an event that tell what a reservation holds from now on.
-- Returns: nothing; tokens grow
local function hold_tokens(hold, tokens)
  if not hold then
    tokens[#tokens + 1] = 'd=0:0'
    return
  end
  tokens[#tokens + 1] = string.format('d=%d:%d', hold.expire_ms, hold.granted)
  for _, line in ipairs(hold.lines) do tokens[#tokens + 1] = 'h=' .. line end
  for _, line in ipairs(hold.cap_lines) do tokens[#tokens + 1] = 'l=' .. line end
end
