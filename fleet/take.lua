-- Gives a worker a chunk: one whose worker was not heard of for a lease, else a
-- new one. Or the next of those that the worker has from an earlier life.
-- KEYS: state, chunks, workers
-- ARGV: id, worker, lease in ms, from where on to look for such a one, or ''
local was = redis.call('HMGET', KEYS[1], 'id', 'ended')
if was[1] ~= ARGV[1] then return {'gone'} end
local got
if ARGV[4] ~= '' then
  local p = redis.call('XPENDING', KEYS[2], 'workers', ARGV[4], '+', 1, ARGV[2])
  if not p[1] then return {'none'} end
  got = redis.call('XCLAIM', KEYS[2], 'workers', ARGV[2], 0, p[1][1])
else
  local from = '0-0'
  repeat
    local r = redis.call('XAUTOCLAIM', KEYS[2], 'workers', ARGV[2], ARGV[3], from, 'COUNT', 1)
    from, got = r[1], r[2]
  until got[1] or from == '0-0'
  if not got[1] then
    local r = redis.call('XREADGROUP', 'GROUP', 'workers', ARGV[2], 'COUNT', 1, 'STREAMS', KEYS[2], '>')
    got = r and r[1][2] or {}
  end
end
if not got[1] then
  return {'none', was[2], tostring(redis.call('XLEN', KEYS[2]))}
end
-- How often it was given out says which of the times is meant.
local p = redis.call('XPENDING', KEYS[2], 'workers', got[1][1], got[1][1], 1)
return {'ok', got[1][1], tostring(p[1][4]), got[1][2]}
