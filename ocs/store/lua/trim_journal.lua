#!lua flags=allow-oom
-- Purpose: note up to where a partition's journal is archived, and let go of what is; sent with no
--   position by who begins to archive, so that who archived before him is refused from then on.
-- KEYS:
--   archive: hash; epoch, position: up to where it is archived, trimmed: up to where entries may be
--     gone
--   journal: stream; the partition's charging events
-- ARGV:
--   epoch: 1..2^53-1; the archiver's number, see lease_archiver
--   position: stream id, or empty; what is up to here and with it is on disk in the archive
--   trim: stream id, or empty; what is before it may go, as far as it is archived
-- Returns: `position trimmed removed`; a position is - for none
-- Refusals: STALE_EPOCH, STATE_CORRUPT
-- Keeps: trimmed <= position; nothing behind position goes, nor ever by length
-- Include: is_before
local known = redis.call('HGETALL', KEYS.archive).map
redis.call('XLEN', KEYS.journal)
local epoch = tonumber(known.epoch or '0')
if not epoch then error({err = 'STATE_CORRUPT archive'}) end
if epoch > tonumber(ARGV.epoch) then return '!STALE_EPOCH' end
local position, trimmed = known.position or '', known.trimmed or ''
if is_before(position, ARGV.position) then position = ARGV.position end
local target = ARGV.trim
if is_before(position, target) then target = position end

local removed = 0
if target ~= '' then
  -- Whole nodes of the stream, and not too many at once: charges wait meanwhile.
  removed = redis.call('XTRIM', KEYS.journal, 'MINID', '~', target, 'LIMIT',
    LIMITS.TRIM_ENTRIES_MAX)
  if is_before(trimmed, target) then trimmed = target end
end
if position ~= '' then redis.call('HSET', KEYS.archive, 'position', position) end
if trimmed ~= '' then redis.call('HSET', KEYS.archive, 'trimmed', trimmed) end
redis.call('HSET', KEYS.archive, 'epoch', ARGV.epoch)
return string.format('%s %s %d', position ~= '' and position or '-',
  trimmed ~= '' and trimmed or '-', removed)
