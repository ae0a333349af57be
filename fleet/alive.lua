-- Says that a loader lives, which may have nothing to load for long.
-- KEYS: state, chunks, workers
-- ARGV: id, loader, ms to live
local was = redis.call('HMGET', KEYS[1], 'id', 'loader')
if was[1] ~= ARGV[1] then return 'gone' end
if was[2] ~= ARGV[2] then return 'replaced' end
local t = redis.call('TIME')
redis.call('HSET', KEYS[1], 'seen', t[1] * 1000 + math.floor(t[2] / 1000))
for i = 1, 3 do redis.call('PEXPIRE', KEYS[i], ARGV[3]) end
return 'ok'
