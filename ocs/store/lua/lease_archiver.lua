#!lua flags=allow-oom
-- Purpose: let one process archive the journal, and number those that begin to. Who renews goes on
--   under its number; whoever begins gets a greater one, by which trim_journal tells them apart.
-- KEYS:
--   archiver: hash; epoch, owner, until_ms: who archives, and how long nobody else may
-- ARGV:
--   now_ms: ms 0..2^53-1 or empty; a test's clock instead of the store's
--   owner: text; who asks
--   known_epoch: 0..2^53-1 to begin; the greatest that the archive has, e.g. after a restore. Empty
--     to renew
-- Returns: `epoch store_ms`; epoch 0 if another process has the lease
-- Refusals: STATE_CORRUPT
-- Keeps: of two that began the later one has the greater epoch
local now = tonumber(ARGV.now_ms)
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local known = redis.call('HGETALL', KEYS.archiver).map
local epoch, until_ms = tonumber(known.epoch or '0'), tonumber(known.until_ms or '0')
if not epoch or not until_ms then error({err = 'STATE_CORRUPT archiver'}) end
local is_own = known.owner == ARGV.owner
if not is_own and until_ms > now then return string.format('0 %d', now) end
if not is_own or ARGV.known_epoch ~= '' then
  epoch = math.max(epoch, tonumber(ARGV.known_epoch) or 0) + 1
end
redis.call('HSET', KEYS.archiver, 'epoch', string.format('%d', epoch), 'owner', ARGV.owner,
  'until_ms', string.format('%d', now + LIMITS.ARCHIVE_LEASE_MS))
return string.format('%d %d', epoch, now)
