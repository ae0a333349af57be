#!lua flags=allow-oom
-- One call of one process about one limit: what it frees, drops and asks for,
-- or all it has (a sync). It returns what was granted to that process; what
-- was granted to others goes out by SPUBLISH.
--
-- KEYS: the state (a hash), the queue (a sorted set), the settings (a hash).
-- Fields of the state:
--   m numbers, packed: epoch, the counter of fencing tokens, units in use, the
--     clocks of leases L and of rates R (microseconds since the state began),
--     the server's time when they were read, no new grants before this L, the
--     earliest end of a lease, latest ticket, processes, when the keys' expiry
--     was set, how many wait
--   i run id of the server, l limit, r rates, t when each rate is paid for,
--   d the head of the queue that was told when its rate is due
--   a of an adaptive limit: the process that leads, or nothing
--   p:PROCESS  = end of its lease and number of its latest call, packed; who it is
--   h:PROCESS:ID = demand, fencing counter, L of the grant, when its rates are
--     paid for or -; of an adaptive limit also the units in use then, and how
--     many were granted right after
-- A demand is UNITS, or UNITS/COST where of the rates another number is taken.
-- Of an adaptive limit also KEYS[4], a stream: what was freed and how it went
-- (see adaptive.lua).
local S, Q, C = KEYS[1], KEYS[2], KEYS[3]
local call, fmt, max, min = redis.call, string.format, math.max, math.min
local pack, parse, form = struct.pack, struct.unpack, '<dddddddddddd'
local pid, number, mode, lease = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local known, label, O = tonumber(ARGV[7]), ARGV[8], KEYS[4]

local function int(x) return fmt('%.0f', x) end
local at = 8
local function arg() at = at + 1 return ARGV[at] end
local function bulk(command, key, list)
	if #list <= 4000 then return list[1] and call(command, key, unpack(list)) or 0 end
	local done = 0
	for i = 1, #list, 4000 do
		done = done + call(command, key, unpack(list, i, min(i + 3999, #list)))
	end
	return done
end

local time = call('TIME')
local real = time[1] * 1000000 + time[2]
local info = call('INFO', 'server')
local _, colon = info:find('run_id:', 1, true)
local run = info:sub(colon + 1, colon + 40)
local v = call('HMGET', S, 'm', 'i', 'l', 'r', 't', 'd', 'p:' .. pid, 'a')
local num = tonumber
local epoch, fence, used, L, R, T, grace, first, ticket, procs, kept, queue
if v[1] then epoch, fence, used, L, R, T, grace, first, ticket, procs, kept, queue = parse(form, v[1]) end
local limit, spec, paid, told, me = num(v[3]), v[4] or '', v[5] or '', v[6] or '', v[7]
local leader = v[8] or O and ''

-- What is new, lost or restored.
local changed, restored = false, false
if not epoch then
	if mode == 'l' then return {'gone'} end
	if mode == 'c' then return {'sync'} end
	local set = call('HMGET', C, 'l', 'r', 'e')
	epoch, fence, used = max(num(set[3]) or 0, known), 0, 0
	limit = ARGV[5] ~= '' and num(set[1] or ARGV[5]) or nil
	spec = set[2] or ARGV[6]
	L, R, T, first, ticket, procs, kept, grace = 0, 0, real, lease, real, 0, -lease, 0
	queue = call('ZCARD', Q)
	-- Nobody may have used it before; or somebody has, and the data is gone.
	-- Those who did listen for their grants, or the server is as young as that.
	local lost = mode == 's' or num(info:match('uptime_in_seconds:(%d+)') or 0) * 1000000 < lease
	if not lost then
		for _, channel in ipairs(call('PUBSUB', 'SHARDCHANNELS', S .. ':*')) do
			lost = lost or channel ~= S .. ':' .. pid
		end
	end
	changed, restored = true, lost
elseif v[2] ~= run then
	-- A restart or a failover: the latest writes may be missing.
	changed, restored = true, true
end
if changed then
	epoch = max(epoch + 1, known + 1, math.floor(real / 1000))
	call('HSET', C, 'e', int(epoch))
	if call('PTTL', C) < 86400000 then call('PEXPIRE', C, 86400000) end
end

if (limit == nil) ~= (ARGV[5] == '') then return {'kind'} end

-- A clock that jumps ends no lease: it moves by at most half of one a call.
L = L + min(max(real - T, 0), lease / 2)
R = R + max(real - T, 0)
T = real
if restored then grace = L + lease end

-- Rates: generic cell rate algorithm, in microseconds of R.
local rates, i = {}, 0
local paids = {}
for p in paid:gmatch('%S+') do paids[#paids + 1] = num(p) end
for interval, tolerance, slack, kind in spec:gmatch('([^:; ]+):([^:; ]+):([^:; ]+):(%a)') do
	i = i + 1
	local r = {interval = num(interval), tolerance = num(tolerance), slack = num(slack), each = kind == 'r'}
	r.paid = paids[i] or 0
	if restored then r.paid = max(r.paid, R + max(r.tolerance, r.interval)) end
	rates[i] = r
end
local function due(n)
	local wait = 0
	for _, r in ipairs(rates) do
		local charge = r.each and r.interval or n * r.interval
		if charge > 0 then
			wait = max(wait, max(r.paid, R) + charge - R - max(r.tolerance, charge + r.slack))
		end
	end
	return wait > 0.001 and wait or 0
end
local function demand(text)
	local units, cost = text:match('^(%d+)/(%d+)$')
	if units then return num(units), num(cost) end
	return num(text), num(text)
end
local function pay(n)
	if not rates[1] then return '' end
	local ends = {}
	for i, r in ipairs(rates) do
		r.paid = max(r.paid, R) + (r.each and r.interval or n * r.interval)
		ends[i] = fmt('%.3f', r.paid)
	end
	return table.concat(ends, ' ')
end

-- never says why it could not be had after any wait.
local function never(units, cost)
	if limit and limit > 0 and units > limit and not leader then return true end
	for _, r in ipairs(rates) do
		if r.tolerance > 0 and not r.each and cost * r.interval > r.tolerance * 1.0000001 then return true end
	end
	return false
end
-- full says that n do not fit now. One that is more than an adaptive limit goes
-- alone.
local function full(n) return limit and used + n > limit and not (leader and limit > 0 and used == 0) end

local grants, refused, lost, queued, no, msgs, sets, given = {}, {}, {}, {}, {}, {}, {}, {}
local streamed, lined = false, false -- the stream or the queue may be new: it is to expire, too
local function tell(to, word)
	local list = msgs[to]
	if not list then list = {} msgs[to] = list end
	list[#list + 1] = word
end
local function grant(to, id, text)
	fence = fence + 1
	local units, cost = demand(text)
	local ends = pay(cost)
	local listed = ends:gsub(' ', ',')
	if limit then
		used = used + units
		sets[#sets + 1] = 'h:' .. to .. ':' .. id
		sets[#sets + 1] = text .. ' ' .. int(fence) .. ' ' .. int(L) .. ' ' .. (ends == '' and '-' or listed)
		if leader then given[#given + 1] = {#sets, used} end
	end
	if to == pid then
		grants[#grants + 1] = id
		grants[#grants + 1] = int(fence)
		grants[#grants + 1] = ends
		grants[#grants + 1] = text
	else
		tell(to, 'g ' .. id .. ' ' .. int(fence) .. ' ' .. (ends == '' and '-' or listed) .. ' ' .. text)
	end
end
local function refuse(to, id)
	if to == pid then refused[#refused + 1] = id else tell(to, 'r ' .. id) end
end
-- refund gives back, as far as time has not done so, what was paid until ends
-- for old and is to be for new.
local function refund(old, new, undone, ends)
	local i = 0
	for e in ends:gmatch('[%d.]+') do
		i = i + 1
		local r = rates[i]
		if r then
			local back = (old - new) * r.interval
			if r.each then back = undone and r.interval or 0 end
			if back > 0 then
				r.paid = r.paid - min(max(num(e) - R, 0), back)
			elseif back < 0 then
				r.paid = max(r.paid, R) - back
			end
		end
	end
end
-- free takes back what this process holds by those ids; unused, also what was
-- paid for it. What it does not hold (any more) is no matter: an id may come
-- more than once, also in one call. Those of an adaptive limit may say after a
-- space how it went and after how many microseconds.
local function free(ids, unused)
	local fields, notes, once, seen, refusal = {}, {}, {}, {}, false
	for _, note in ipairs(ids) do
		local id = O and note:match('^%d+') or note
		if not once[id] then
			once[id] = true
			fields[#fields + 1] = 'h:' .. pid .. ':' .. id
			notes[#fields] = note
		end
	end
	for i = 1, #fields, 4000 do
		for j, h in ipairs(call('HMGET', S, unpack(fields, i, min(i + 3999, #fields)))) do
			if h then
				local text, counter, at, ends, with, beside = h:match('^(%S+) (%S+) (%S+) (%S+) ?(%d*) ?(%d*)')
				local units, cost = demand(text)
				local how, latency = notes[i + j - 1]:match(' (%a) (%d+)')
				if how and with ~= '' then
					refusal = refusal or how == 'o'
					seen[#seen + 1] = pack('<ddddddd', counter, at, L, latency, with, beside, used) .. how
				end
				used = used - units
				if unused then refund(cost, 0, true, ends) end
			end
		end
	end
	bulk('HDEL', S, fields)
	if seen[1] then
		call('XADD', O, 'MAXLEN', '~', 20000, '*', 'o', table.concat(seen))
		streamed = true
		if refusal and leader and leader ~= '' and leader ~= pid then tell(leader, 'o') end
	end
end

if me then
	local _, latest = parse('<dd', me)
	if latest >= number then return {'stale'} end
end

local function save()
	local n = #sets
	local function set(k, x) sets[n + 1] = k sets[n + 2] = x n = n + 2 end
	if rates[1] then
		local paid = {}
		for i, r in ipairs(rates) do paid[i] = fmt('%.3f', r.paid) end
		set('t', table.concat(paid, ' '))
	end
	if told ~= (v[6] or '') then set('d', told) end
	for _, g in ipairs(given) do sets[g[1]] = sets[g[1]] .. ' ' .. g[2] .. ' ' .. used - g[2] end
	if leader and not v[8] then set('a', leader) end
	if changed then set('i', run) set('r', spec) if limit then set('l', int(limit)) end end
	local touch = L - kept >= lease / 4 or changed
	if touch then kept = L end
	set('m', pack(form, epoch, fence, used, L, R, T, grace, first, ticket, procs, kept, queue))
	bulk('HSET', S, sets)
	local longest = 3 * lease
	for _, r in ipairs(rates) do longest = max(longest, r.paid - R + lease) end
	if touch or longest > 3 * lease then
		call('PEXPIRE', S, int(longest / 1000))
	end
	if touch or lined or longest > 3 * lease then call('PEXPIRE', Q, int(longest / 1000)) end
	if O and (touch or streamed or longest > 3 * lease) then call('PEXPIRE', O, int(longest / 1000)) end
	for to, words in pairs(msgs) do
		call('SPUBLISH', S .. ':' .. to, int(epoch) .. ' ' .. table.concat(words, ' '))
	end
end

if mode == 'c' and (not me or epoch ~= known) then
	save()
	return {'sync'}
end

-- The ends of leases, and what a process has in full.
local mine, listed = {}, {}
local whole = mode ~= 'c'
if whole or L >= first then
	local all = call('HGETALL', S)
	local live, dead = {[pid] = true}, {}
	first, procs, used = L + lease, 1, 0
	for i = 1, #all, 2 do
		local p = all[i]:match('^p:(.*)')
		if p and p ~= pid then
			local ends = parse('<d', all[i + 1])
			if ends > L then
				live[p] = true
				procs = procs + 1
				first = min(first, ends)
			else
				dead[#dead + 1] = all[i]
			end
		end
	end
	for i = 1, #all, 2 do
		local p, id = all[i]:match('^h:(.*):(.*)$')
		if p then
			if live[p] then
				used = used + num(all[i + 1]:match('^%d+'))
				if p == pid then mine[id] = all[i + 1] end
			else
				dead[#dead + 1] = all[i]
			end
		end
	end
	bulk('HDEL', S, dead)
	if whole then
		local frees, adopt = {}, L < grace
		for _ = 1, num(arg()) do
			local id, n, force = arg(), arg(), arg()
			listed[id] = true
			if mine[id] then
				listed[id] = true
			elseif limit and (adopt or force == '1') then
				used = used + n
				sets[#sets + 1] = 'h:' .. pid .. ':' .. id
				sets[#sets + 1] = n .. ' 0 ' .. int(L) .. ' -'
			elseif limit then
				lost[#lost + 1] = id
			end
		end
		local adds = {}
		for _ = 1, num(arg()) do
			local id, n, score = arg(), arg(), arg()
			local h = mine[id]
			if h then
				grants[#grants + 1] = id
				local counter, ends = h:match('^%S+ (%S+) %S+ (%S+)')
				grants[#grants + 1] = counter
				grants[#grants + 1] = ends == '-' and '' or ends:gsub(',', ' ')
				grants[#grants + 1] = n
				listed[id] = true
			else
				if score == '' then
					ticket = max(ticket + 1, real)
					score = int(ticket)
				end
				adds[#adds + 1] = score
				adds[#adds + 1] = pid .. ':' .. id .. ':' .. n
				queued[#queued + 1] = id
				queued[#queued + 1] = score
				listed[pid .. ':' .. id .. ':' .. n] = true
			end
		end
		-- What was granted and is not listed was used and given back, as is said
		-- next, or nobody has heard of it: then its rates are refunded.
		local spent, unheard = {}, {}
		for _ = 1, num(arg()) do
			local id = arg()
			spent[id:match('^%d+')] = id
		end
		for id in pairs(mine) do
			if spent[id] then
				frees[#frees + 1] = spent[id]
			elseif not listed[id] then
				unheard[#unheard + 1] = id
			end
		end
		free(frees)
		free(unheard, true)
		bulk('ZADD', Q, adds)
		lined = true
	end
	local gone = {}
	for _, m in ipairs(call('ZRANGE', Q, 0, -1)) do
		local p = m:match('^(.-):')
		if not live[p] or whole and p == pid and not listed[m] then gone[#gone + 1] = m end
	end
	bulk('ZREM', Q, gone)
	queue = call('ZCARD', Q)
end
if whole then
	-- What was listed is all there is: the rest of the arguments stays unread.
	if mode == 'l' then
		procs = procs - 1
		call('HDEL', S, 'p:' .. pid)
	end
end
if mode ~= 'l' then
	sets[#sets + 1] = 'p:' .. pid
	sets[#sets + 1] = pack('<dd', L + lease, number) .. label
end

local adds = {}
if not whole then
	local frees = {}
	for i = 1, num(arg()) do frees[i] = arg() end
	free(frees)
	local unused = {}
	for i = 1, num(arg()) do unused[i] = arg() end
	free(unused, true)
	local drops, members = {}, {}
	for i = 1, num(arg()) do
		drops[i] = arg()
		members[i] = pid .. ':' .. drops[i] .. ':' .. arg()
	end
	-- What was granted while the drop was on its way is in no queue any more.
	local dropped = bulk('ZREM', Q, members)
	queue = queue - dropped
	if dropped < #drops then free(drops, true) end
	for _ = 1, num(arg()) do
		local old, new, undone, ends = num(arg()), num(arg()), arg() == '1', arg()
		refund(old, new, undone, ends)
	end
end

-- Those who wait, first come first served.
local wait, open = -1, L >= grace and limit ~= 0
local alive = {[pid] = mode ~= 'l'}
local function serve()
	while true do
		local served = {}
		local some = call('ZRANGE', Q, 0, 31)
		local blocked = #some == 0
		for _, m in ipairs(some) do
			local to, id, text = m:match('^(.-):(.-):(.*)$')
			local units, cost = demand(text)
			if alive[to] == nil then alive[to] = call('HEXISTS', S, 'p:' .. to) == 1 end
			if not alive[to] then
				served[#served + 1] = m
			elseif never(units, cost) then
				refuse(to, id)
				served[#served + 1] = m
			elseif not open or full(units) then
				blocked = true
				break
			else
				wait = due(cost)
				if wait > 0 then
					if to ~= pid and told ~= m then tell(to, 'd ' .. int(wait)) end
					if to ~= pid then wait = -1 end
					told = m
					blocked = true
					break
				end
				wait = -1
				grant(to, id, text)
				served[#served + 1] = m
			end
		end
		queue = queue - bulk('ZREM', Q, served)
		if #some == 0 then queue = 0 end
		if blocked then return end
	end
end
if queue > 0 then serve() end

if not whole then
	for i = 1, num(arg()) do
		local id, text = arg(), arg()
		local units, cost = demand(text)
		local later = 0
		if queue > 0 or not open or full(units) then
			later = -1
		else
			later = due(cost)
		end
		if never(units, cost) then
			refuse(pid, id)
		elseif later == 0 then
			grant(pid, id, text)
		else
			ticket = max(ticket + 1, real)
			local m = pid .. ':' .. id .. ':' .. text
			if later > 0 and queue == 0 then
				wait = later
				told = m
			end
			queue = queue + 1
			adds[#adds + 1] = int(ticket)
			adds[#adds + 1] = m
			queued[#queued + 1] = id
			queued[#queued + 1] = int(ticket)
		end
	end
	bulk('ZADD', Q, adds)
	lined = queue > 0 and #adds == 2 * queue
	for _ = 1, num(arg()) do
		local id, text = arg(), arg()
		local units, cost = demand(text)
		if queue == 0 and open and not never(units, cost) and not full(units) and due(cost) == 0 then
			grant(pid, id, text)
		else
			no[#no + 1] = id
		end
	end
end
save()
return {'ok', epoch, limit or 0, procs, math.ceil(wait), math.ceil(max(grace - L, 0)), spec,
	grants, refused, lost, queued, no, whole and run or '', queue}
