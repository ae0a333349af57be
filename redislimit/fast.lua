#!lua flags=allow-oom
-- One call of one process that frees permits of a plain semaphore and asks for
-- others: what limit.lua does, in as few commands and steps as it can be done with.
-- Where anything is not plain it changes nothing and returns -1. It moves no clock,
-- renews no lease and ends none: a heartbeat does.
--
-- Where nobody waits and all asks fit it returns the fencing counter before that of
-- the first of them. Else some are granted to other processes: then it finds out who
-- the server is, and returns the place before that of the first that it has queued,
-- how many wait, and of each that it has granted to its caller id and counter.
--
-- KEYS: the state, the queue. ARGV: process, number, epoch, run id of the server as
-- the process knows it, 1 to look whether it is, how many to free, their ids, and of
-- those to ask for id and units.
local S, Q, pid = KEYS[1], KEYS[2], ARGV[1]
local call, num, fmt, form = redis.call, tonumber, string.format, '<dddddddddddd'
local frees, look = num(ARGV[6]), ARGV[5] == '1'
local fields = {'m', 'i', 'l', 'r', 'p:' .. pid, 'a'}
for i = 1, frees do fields[6 + i] = 'h:' .. pid .. ':' .. ARGV[6 + i] end
local v = call('HMGET', S, unpack(fields))

local plain = v[1] and v[2] == ARGV[4] and v[3] and v[4] == '' and v[5] and not v[6]
local epoch, fence, used, L, R, T, grace, first, ticket, procs, kept, queue
local busy, room = false, 0
if plain then
	epoch, fence, used, L, R, T, grace, first, ticket, procs, kept, queue = struct.unpack(form, v[1])
	local _, latest = struct.unpack('<dd', v[5])
	local limit = num(v[3])
	plain = epoch == num(ARGV[3]) and latest < num(ARGV[2]) and L >= grace and limit > 0
	local once = {}
	for i = 7, 6 + frees do
		if v[i] and not once[ARGV[i]] then
			once[ARGV[i]] = true
			used = used - num(v[i]:match('^%d+'))
		end
	end
	room = limit - used
	local asked = 0
	for i = 8 + frees, #ARGV, 2 do
		local units = num(ARGV[i])
		asked = asked + units
		plain = plain and units <= limit
	end
	busy = queue > 0 or asked > room
end
if look or plain and busy then
	if v[2] and (v[2] == '' or not call('INFO', 'server'):find(v[2], 1, true)) then
		-- From now on this script may be known here, which is not to be taken for
		-- a sign that the state is this server's.
		call('HSET', S, 'i', '')
		return -1
	end
end
if not plain then return -1 end

local sets, n, mine, words = {'m', false}, 2, {}, {}
local before, placed, most = fence, ticket, num(v[3])
local at = fmt(' %d -', L)
-- Those who wait, first come first served. Until all are read nothing is written.
local served = 0
if queue > 0 and room > 0 then
	if room > 500 then return -1 end
	local line = call('ZRANGE', Q, 0, room - 1)
	if #line == 0 then return -1 end
	for i = 1, #line do
		local to, id, text, units = line[i]:match('^(%x+):(%d+):((%d+).*)$')
		if not to then return -1 end
		units = num(units)
		local theirs = words[to]
		if to ~= pid and not theirs then
			if call('HEXISTS', S, 'p:' .. to) == 0 then return -1 end
			theirs = {fmt('%d', epoch)}
		end
		if units > most then return -1 end
		if units > room then break end
		served, room, used, fence = i, room - units, used + units, fence + 1
		local counter = fmt('%d', fence)
		sets[n + 1], sets[n + 2] = 'h:' .. to .. ':' .. id, text .. ' ' .. counter .. at
		n = n + 2
		if theirs then
			theirs[#theirs + 1] = 'g ' .. id .. ' ' .. counter .. ' - ' .. text
			words[to] = theirs
		else
			mine[#mine + 1], mine[#mine + 2] = id, counter
		end
	end
	queue = queue - served
end
local adds = {}
for i = 7 + frees, #ARGV, 2 do
	local id, text = ARGV[i], ARGV[i + 1]
	local units = num(text)
	if queue == 0 and units <= room then
		room, used, fence = room - units, used + units, fence + 1
		local counter = fmt('%d', fence)
		sets[n + 1], sets[n + 2] = 'h:' .. pid .. ':' .. id, text .. ' ' .. counter .. at
		n = n + 2
		if busy then mine[#mine + 1], mine[#mine + 2] = id, counter end
	else
		queue, ticket = queue + 1, ticket + 1
		adds[#adds + 1], adds[#adds + 2] = fmt('%d', ticket), pid .. ':' .. id .. ':' .. text
	end
end
sets[2] = struct.pack(form, epoch, fence, used, L, R, T, grace, first, ticket, procs, kept, queue)
if frees > 0 then call('HDEL', S, unpack(fields, 7)) end
if served > 0 then call('ZREMRANGEBYRANK', Q, 0, served - 1) end
if adds[1] then
	call('ZADD', Q, unpack(adds))
	-- A queue that is new lives no longer than the state, of which it has the rest.
	local left = #adds == 2 * queue and call('PTTL', S) or 0
	if left > 0 then call('PEXPIRE', Q, left) end
end
call('HSET', S, unpack(sets))
if not busy then return before end
for to, list in pairs(words) do call('SPUBLISH', S .. ':' .. to, table.concat(list, ' ')) end
return {placed, queue, unpack(mine)}
