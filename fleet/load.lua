-- Adds the next chunk, or with no items the end.
-- KEYS: state, chunks, workers
-- ARGV: id, loader, number of the chunk from 1, items before it, its items, its data, most chunks, ms to live
local was = redis.call('HMGET', KEYS[1], 'id', 'loader', 'chunks')
if was[1] ~= ARGV[1] then return {'gone'} end
if was[2] ~= ARGV[2] then return {'replaced', was[2]} end
if redis.call('EXISTS', KEYS[2]) == 0 then return {'gone'} end
local t = redis.call('TIME')
redis.call('HSET', KEYS[1], 'seen', t[1] * 1000 + math.floor(t[2] / 1000))
local chunks, number = tonumber(was[3]), tonumber(ARGV[3])
-- Redis may have lost its latest writes: what is missing comes again.
if chunks < number - 1 then return {'behind', was[3]} end
local n = tonumber(ARGV[5])
if n == 0 then
  redis.call('HSET', KEYS[1], 'ended', 1)
elseif chunks < number then -- else it is here: an answer was lost
  if redis.call('XLEN', KEYS[2]) >= tonumber(ARGV[7]) then return {'full'} end
  redis.call('XADD', KEYS[2], '*', 'id', ARGV[1], 'first', ARGV[4], 'items', n, 'data', ARGV[6])
  redis.call('HSET', KEYS[1], 'chunks', number, 'items', ARGV[4] + n)
end
for i = 1, 3 do redis.call('PEXPIRE', KEYS[i], ARGV[8]) end
return {'ok'}
