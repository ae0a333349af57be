-- Says that a worker is alive and what it has in hand, which stays its own.
-- KEYS: state, chunks, workers
-- ARGV: id, worker, what there is to tell of it ('' if nothing), ms to live, then pairs: entry, its time of being given out
if redis.call('HGET', KEYS[1], 'id') ~= ARGV[1] then return {'gone'} end
local lost = {'ok'}
for i = 5, #ARGV, 2 do
  local p = redis.call('XPENDING', KEYS[2], 'workers', ARGV[i], ARGV[i], 1)
  if p[1] and p[1][2] == ARGV[2] and tostring(p[1][4]) == ARGV[i + 1] then
    redis.call('XCLAIM', KEYS[2], 'workers', ARGV[2], 0, ARGV[i], 'JUSTID')
  else
    lost[#lost + 1] = ARGV[i]
  end
end
local t = redis.call('TIME')
redis.call('HSET', KEYS[3], ARGV[2], string.format('%d ', t[1] * 1000 + math.floor(t[2] / 1000)) .. ARGV[3])
for i = 1, 3 do redis.call('PEXPIRE', KEYS[i], ARGV[4]) end
return lost
