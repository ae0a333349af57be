#!lua flags=allow-oom
-- One call of one process that frees permits and takes others where nobody waits:
-- what limit.lua does, in as few commands as it can be done with. Where anything
-- is not plain it changes nothing and returns -1; else the fencing counter of the
-- permit before the first that it has granted. It moves no clock and renews no
-- lease.
--
-- KEYS: the state. ARGV: process, number, epoch, run id of the server as the
-- process knows it, 1 to look whether it is, how many to free, their ids, and of
-- those to grant id and units.
local S, pid = KEYS[1], ARGV[1]
local num, form = tonumber, '<dddddddddddd'
local frees = num(ARGV[6])
local fields = {'m', 'i', 'l', 'r', 'p:' .. pid, 'a'}
for i = 1, frees do fields[6 + i] = 'h:' .. pid .. ':' .. ARGV[6 + i] end
local v = redis.call('HMGET', S, unpack(fields))
if ARGV[5] == '1' then
	local info = redis.call('INFO', 'server')
	local _, colon = info:find('run_id:', 1, true)
	if v[2] and info:sub(colon + 1, colon + 40) ~= v[2] then
		-- From now on this script is known here, which is not to be taken for
		-- a sign that the state is this server's.
		redis.call('HSET', S, 'i', '')
		return -1
	end
end
if not v[1] or v[2] ~= ARGV[4] or not v[3] or v[4] ~= '' or not v[5] or v[6] then return -1 end
local epoch, fence, used, L, R, T, grace, first, ticket, procs, kept, queue = struct.unpack(form, v[1])
local _, latest = struct.unpack('<dd', v[5])
if epoch ~= num(ARGV[3]) or latest >= num(ARGV[2]) or queue > 0 or L < grace then return -1 end
for i = 1, frees do
	if v[6 + i] then used = used - num(v[6 + i]:match('^%d+')) end
end
local before, sets, at = fence, {'m', false}, string.format(' %.0f -', L)
for i = 7 + frees, #ARGV, 2 do
	used, fence = used + num(ARGV[i + 1]), fence + 1
	sets[#sets + 1] = 'h:' .. pid .. ':' .. ARGV[i]
	sets[#sets + 1] = ARGV[i + 1] .. string.format(' %.0f', fence) .. at
end
if fence > before and used > num(v[3]) then return -1 end
sets[2] = struct.pack(form, epoch, fence, used, L, R, T, grace, first, ticket, procs, kept, queue)
if frees > 0 then redis.call('HDEL', S, unpack(fields, 7)) end
redis.call('HSET', S, unpack(sets))
return before
