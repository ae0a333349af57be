-- Begins a fleet, or takes up the loading of one.
-- KEYS: state, chunks, workers
-- ARGV: id, input, request, lease in ms, loader, ms to live
local was = redis.call('HMGET', KEYS[1], 'id', 'input', 'request', 'items', 'chunks', 'ended')
if was[1] then
  if was[2] ~= ARGV[2] then return {'input', was[2]} end
  if was[3] ~= ARGV[3] then return {'request', was[3]} end
  -- Else the store has thrown away the chunks alone (it evicts keys): anew.
  if redis.call('EXISTS', KEYS[2]) == 1 then
    redis.call('HSET', KEYS[1], 'loader', ARGV[5])
    return {'ok', was[1], was[4], was[5], was[6]}
  end
end
local t = redis.call('TIME')
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
redis.call('HSET', KEYS[1], 'version', 1, 'id', ARGV[1], 'input', ARGV[2], 'request', ARGV[3], 'lease', ARGV[4],
  'loader', ARGV[5], 'created', t[1] * 1000 + math.floor(t[2] / 1000),
  'items', 0, 'chunks', 0, 'ended', 0, 'done', 0, 'failed', 0, 'splits', 0)
redis.call('XGROUP', 'CREATE', KEYS[2], 'workers', '0', 'MKSTREAM')
for i = 1, 3 do redis.call('PEXPIRE', KEYS[i], ARGV[6]) end
return {'ok', ARGV[1], '0', '0', '0'}
