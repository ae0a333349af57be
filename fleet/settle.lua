-- Acknowledges a chunk that is the worker's, or gives it back.
-- KEYS: state, chunks, workers
-- ARGV: id, worker, entry, its time of being given out, done or give,
--       items with a record, of these failed, ms to live, lease in ms,
--       rest: first item, number of items, data (optional)
if redis.call('HGET', KEYS[1], 'id') ~= ARGV[1] then return 'gone' end
local p = redis.call('XPENDING', KEYS[2], 'workers', ARGV[3], ARGV[3], 1)
if not p[1] then return 'settled' end
-- Whoever was away for too long may not settle what is another's by now.
if p[1][2] ~= ARGV[2] or tostring(p[1][4]) ~= ARGV[4] then return 'lost' end
if ARGV[5] == 'give' and not ARGV[10] then
  redis.call('XCLAIM', KEYS[2], 'workers', ARGV[2], 0, ARGV[3], 'IDLE', ARGV[9], 'JUSTID')
  return 'ok'
end
redis.call('XACK', KEYS[2], 'workers', ARGV[3])
redis.call('XDEL', KEYS[2], ARGV[3])
redis.call('HINCRBY', KEYS[1], 'done', ARGV[6])
redis.call('HINCRBY', KEYS[1], 'failed', ARGV[7])
if ARGV[10] then
  redis.call('XADD', KEYS[2], '*', 'id', ARGV[1], 'first', ARGV[10], 'items', ARGV[11], 'data', ARGV[12])
  redis.call('HINCRBY', KEYS[1], 'splits', 1)
end
for i = 1, 3 do redis.call('PEXPIRE', KEYS[i], ARGV[8]) end
return 'ok'
