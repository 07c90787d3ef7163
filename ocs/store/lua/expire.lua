#!lua flags=allow-oom
-- Purpose: expire what is due on an account; sent by the job, so that an account nobody calls is
--   settled too.
-- KEYS:
--   account: hash; figures of buckets, caps and the account itself
--   journal: stream; the partition's charging events
--   due: zset; the partition's accounts by earliest deadline
--   holds: hash; what open reservations hold
-- ARGV:
--   path: text; tenant/account
--   now_ms: ms 0..2^53-1 or empty; a test's clock instead of the store's
--   server_ms: ms; the service's clock
--   deadline_ms: ms; the caller has stopped waiting after it
-- Returns: `DONE seq store_ms expired renewals`, see lib/renewals_due, or `EXPIRE_MORE seq store_ms
--   expired`
-- Outcomes: DONE
-- Refusals: ACCOUNT_NOT_FOUND, CLOCK_SKEW, DEADLINE_PASSED, EXPIRE_MORE, STATE_CORRUPT
-- Emits: EXPIRE, BUCKET_CLOSED
-- Keeps: reserved = sum of holds
-- Include: expire_due, load_account, renewals_due, store_time, write_account
local raw, refusal = store_time(ARGV.now_ms, ARGV.server_ms, ARGV.deadline_ms)
if not raw then return refusal end
local account = load_account(KEYS.account, raw)
if not account then
  redis.call('ZREM', KEYS.due, ARGV.path)
  return string.format('!ACCOUNT_NOT_FOUND 0 %d', raw)
end
account.call = {key = KEYS.account, journal_key = KEYS.journal, due_key = KEYS.due,
  holds_key = KEYS.holds, path = ARGV.path}
local more = expire_due(account)
local expired = #account.events
local answer = string.format('%s %d %d %d', more and '!EXPIRE_MORE' or 'DONE', account.seq,
  account.now, expired)
if not more then answer = answer .. ' ' .. renewals_due(account) end
-- Where only the deadline's lower bound moves, the clock's floor stays.
if expired == 0 then account.now = account.floor end
if expired > 0 or account.due_moved then write_account(account) end
return answer
