#!lua flags=allow-oom
-- One call of one process that asks for units of rates, and for nothing else: what
-- limit.lua does where nobody waits and all asks fit now, for all of them in one step.
-- Where anything is not so it changes nothing and returns -1.
--
-- All fit if the last does: those before it find less that is not paid for yet.
--
-- KEYS: the state. ARGV: process, number, epoch, lease, how many asks, the cost of all,
-- of the last that costs anything, and of the one that costs most.
--
-- It returns the fencing counter before that of the first ask, and of each rate when
-- what was taken before is paid for, what a unit takes, and whether it counts requests.
local S = KEYS[1]
local call, num, fmt, max, min = redis.call, tonumber, string.format, math.max, math.min
local form = '<dddddddddddd'
local lease, asks, cost, last, most = num(ARGV[4]), num(ARGV[5]), num(ARGV[6]), num(ARGV[7]), num(ARGV[8])

local v = call('HMGET', S, 'm', 'i', 'l', 'r', 't', 'p:' .. ARGV[1])
if not v[1] or not v[2] or v[3] or not v[4] or not v[6] then return -1 end
local epoch, fence, used, L, R, T, grace, first, ticket, procs, kept, queue = struct.unpack(form, v[1])
local _, latest = struct.unpack('<dd', v[6])
if epoch ~= num(ARGV[3]) or latest >= num(ARGV[2]) or queue > 0 then return -1 end
local info = call('INFO', 'server')
local _, colon = info:find('run_id:', 1, true)
if v[2] ~= info:sub(colon + 1, colon + 40) then return -1 end

local time = call('TIME')
local real = time[1] * 1000000 + time[2]
local passed = max(real - T, 0)
L, R, T = L + min(passed, lease / 2), R + passed, real
if L < grace then return -1 end

local paids = {}
for p in (v[5] or ''):gmatch('%S+') do paids[#paids + 1] = num(p) end
local reply, longest, i = {fence}, 3 * lease, 0
for interval, tolerance, slack, kind in v[4]:gmatch('([^:; ]+):([^:; ]+):([^:; ]+):(%a)') do
	i = i + 1
	local unit, each = num(interval), kind == 'r'
	tolerance = num(tolerance)
	if tolerance > 0 and not each and most * unit > tolerance * 1.0000001 then return -1 end
	local start = max(paids[i] or 0, R)
	local ends, final = start + (each and asks or cost) * unit, (each and 1 or last) * unit
	if ends - R - max(tolerance, final + num(slack)) > 0.001 then return -1 end
	reply[3 * i - 1], reply[3 * i], reply[3 * i + 1] = fmt('%.17g', start), interval, kind
	paids[i] = fmt('%.3f', ends)
	longest = max(longest, ends - R + lease)
end

local touch = L - kept >= lease / 4
if touch then kept = L end
call('HSET', S, 't', table.concat(paids, ' ', 1, i),
	'm', struct.pack(form, epoch, fence + asks, used, L, R, T, grace, first, ticket, procs, kept, queue))
if touch or longest > 3 * lease then call('PEXPIRE', S, fmt('%.0f', longest / 1000)) end
return reply
