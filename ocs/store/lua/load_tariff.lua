#!lua
-- Purpose: store a version of a tariff, schedule it, or both; what was done before is done no more.
-- KEYS:
--   books: hash; how often each book has changed, by tenant; `=` is the installation's
--   book: hash; the versions of one book: `sha256 bytes activate_ms load_ms actor`, activate_ms -
--     while it is not scheduled
--   text: string; the text of this version, compressed
-- ARGV:
--   now_ms: ms 0..2^53-1 or empty; a test's clock instead of the store's
--   owner: text; the tenant, or `=`
--   version: id
--   text: bytes; compressed; empty only schedules
--   text_sha256: hex of the text as such; empty only schedules
--   text_bytes: bytes 0..2^53-1; of the text as such
--   activate_ms: ms, empty for not yet, or `start`: the first of a book since ever, a later one as
--     soon as may be, one that is known as it is
--   actor: id; who loads it
-- Returns: the version's entry in the book
-- Refusals: TARIFF_NOT_FOUND, TARIFF_EXISTS, TARIFF_SCHEDULED, ACTIVATION_TOO_SOON,
--   ACTIVATION_TAKEN, TOO_MANY_TARIFFS, STATE_CORRUPT
-- Keeps: a text never changes, nor an activate_ms once it is set; no two of a book are the same
local now = tonumber(ARGV.now_ms)
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local known, count, taken = nil, 0, {}
for version, entry in pairs(redis.call('HGETALL', KEYS.book).map) do
  local digest, bytes, activate_ms, load_ms, actor =
    string.match(entry, '^(%x+) (%d+) (%S+) (%d+) (%S+)$')
  if not digest then error({err = 'STATE_CORRUPT book'}) end
  count = count + 1
  taken[activate_ms] = true
  if version == ARGV.version then
    known = {digest = digest, bytes = bytes, at = activate_ms, loaded = load_ms, actor = actor}
  end
end

local at = ARGV.activate_ms
if known then
  if ARGV.text ~= '' and known.digest ~= ARGV.text_sha256 then return '!TARIFF_EXISTS' end
  if at == 'start' or at == '' then at = known.at end
  if known.at ~= '-' and known.at ~= at then return '!TARIFF_SCHEDULED' end
else
  if ARGV.text == '' then return '!TARIFF_NOT_FOUND' end
  if count >= LIMITS.TARIFF_VERSIONS_MAX then return '!TOO_MANY_TARIFFS' end
  known = {digest = ARGV.text_sha256, bytes = ARGV.text_bytes, at = '',
    loaded = string.format('%d', now), actor = ARGV.actor}
  if at == '' then at = '-' end
  if at == 'start' then
    local soon = now + LIMITS.ACTIVATION_AHEAD_MIN_MS
    while taken[string.format('%d', soon)] do soon = soon + 1 end
    at = count == 0 and '0' or string.format('%d', soon)
  end
end
if at ~= known.at then
  if at ~= '-' and at ~= '0' then
    if tonumber(at) < now + LIMITS.ACTIVATION_AHEAD_MIN_MS then return '!ACTIVATION_TOO_SOON' end
    if taken[at] then return '!ACTIVATION_TAKEN' end
  end
  known.at = at
  if ARGV.text ~= '' then redis.call('SET', KEYS.text, ARGV.text) end
  redis.call('HSET', KEYS.book, ARGV.version, string.format('%s %s %s %s %s', known.digest,
    known.bytes, known.at, known.loaded, known.actor))
  redis.call('HINCRBY', KEYS.books, ARGV.owner, 1)
end
return string.format('%s %s %s %s %s', known.digest, known.bytes, known.at, known.loaded,
  known.actor)
