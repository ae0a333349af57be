-- Forgets the consumers of the group that are away and have nothing in hand.
-- KEYS: state, chunks, workers
-- ARGV: id, lease in ms
if redis.call('HGET', KEYS[1], 'id') ~= ARGV[1] then return 'gone' end
for _, c in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[2], 'workers')) do
  local name, pending, idle = c[2], c[4], c[6]
  if pending == 0 and idle > tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[2], 'workers', name)
  end
end
return 'ok'
