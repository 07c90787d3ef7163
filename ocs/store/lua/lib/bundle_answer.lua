-- Purpose: spell the answer of a purchase or renewal, after its event; store/answers.py reads it.
-- Include: charge_answer
-- Returns: as lib/charge_answer, then `bucket:unit:quantity,...` of what was opened, and when the
--   bundle is bought again (0: never)
local function bundle_answer(account, sale, renew_ms)
  return charge_answer(account, sale.outcome, '-', sale, sale.charge, '') .. ' ' .. sale.lines
    .. string.format(' %d', renew_ms)
end
