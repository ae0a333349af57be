#!lua flags=allow-oom
-- What people ask about a limit. KEYS as in limit.lua.
-- ARGV: 'limit' or 'rates' and the new value, to change it; or 'look'.
local S, Q, C = KEYS[1], KEYS[2], KEYS[3]
local call = redis.call
if ARGV[1] ~= 'look' then
	local field = ARGV[1] == 'limit' and 'l' or 'r'
	local state = call('HMGET', S, 'm', 'l')
	if field == 'l' and state[1] and not state[2] then return 'kind' end
	call('HSET', C, field, ARGV[2])
	call('PEXPIRE', C, 2592000000)
	if not state[1] then return 'later' end
	call('HSET', S, field, ARGV[2])
	local all = call('HKEYS', S)
	for _, k in ipairs(all) do
		local p = k:match('^p:(.*)')
		if p then call('SPUBLISH', S .. ':' .. p, string.format('%.0f', struct.unpack('<d', state[1])) .. ' w') end
	end
	return 'now'
end
local time = call('TIME')
local first = call('ZRANGE', Q, 0, 0, 'WITHSCORES')
local wait = first[2] and time[1] * 1000000 + time[2] - tonumber(first[2]) or 0
local m = call('HGET', S, 'm')
local used, _ = 0, nil
if m then _, _, used = struct.unpack('<ddd', m) end
return {call('HGETALL', S), call('ZCARD', Q), string.format('%.0f', wait), call('HGETALL', C), used}
