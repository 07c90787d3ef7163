#!lua flags=allow-oom
-- Purpose: let one process archive the journal, and number those that do. Who asks again in time
--   goes on under its number; after a lease that lapsed the next one gets a greater number, by
--   which trim_journal tells them apart.
-- KEYS:
--   archiver: hash; epoch, owner, until_ms: who archives, and how long nobody else may
-- ARGV:
--   now_ms: ms 0..2^53-1 or empty; a test's clock instead of the store's
--   owner: text; who asks
--   known_epoch: 0..2^53-1; the greatest that the archive itself has, e.g. after a restore
-- Returns: `epoch store_ms`; epoch 0 if another process has the lease
-- Refusals: STATE_CORRUPT
-- Keeps: of two processes that were let in the later one has the greater epoch
local now = tonumber(ARGV.now_ms)
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local known = redis.call('HGETALL', KEYS.archiver).map
local epoch, until_ms = tonumber(known.epoch or '0'), tonumber(known.until_ms or '0')
if not epoch or not until_ms then error({err = 'STATE_CORRUPT archiver'}) end
if known.owner ~= ARGV.owner then
  if until_ms > now then return string.format('0 %d', now) end
  epoch = math.max(epoch, tonumber(ARGV.known_epoch)) + 1
end
redis.call('HSET', KEYS.archiver, 'epoch', string.format('%d', epoch), 'owner', ARGV.owner,
  'until_ms', string.format('%d', now + LIMITS.ARCHIVE_LEASE_MS))
return string.format('%d %d', epoch, now)
