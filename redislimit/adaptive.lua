#!lua flags=allow-oom
-- One call about who leads an adaptive limit: it asks to lead, or as the leader
-- writes what it has found and reads what was freed since.
--
-- KEYS: the state, the settings, the stream of what was freed, the leader (a hash):
--   p process, n term, e when its lease ends, by the server's time
--   w the limit that a leader wrote last, and v the rates
--   s what the controller has learned, and i the last of the stream in it
-- ARGV: process, term or 0, its lease, the lease of permits, what of the stream it
-- has read, limit or '', rates or '-', snapshot or '', the last of the stream in it,
-- and the limit that it takes to be in force, or ''; as the second 'resign' with the term as the third.
local S, C, O, A = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local call, max, min, num = redis.call, math.max, math.min, tonumber
local pid = ARGV[1]
local function int(x) return string.format('%.0f', x) end
local old = call('HMGET', A, 'p', 'n', 'e', 'w', 'i', 'v')
if ARGV[2] == 'resign' then
	if old[1] == pid and old[2] == ARGV[3] then call('HSET', A, 'e', 0) end
	return {'resigned'}
end
local time = call('TIME')
local real = time[1] * 1000000 + time[2]
local lease, left = num(ARGV[3]), (num(old[3]) or 0) - real
local term, after, taken = num(old[2]) or 0, ARGV[5], false
if old[1] ~= pid or old[2] ~= ARGV[2] then
	-- An end further away than a lease is one by a clock that went back since.
	if left > 0 and left <= lease then return {'follow', int(left)} end
	-- Larger than any before, also where all before is forgotten.
	term, taken, after = max(term + 1, math.floor(real / 1000)), true, old[5] or '0'
end
call('HSET', A, 'p', pid, 'n', int(term), 'e', int(real + lease))
call('PEXPIRE', A, 86400000)

local m, led = unpack(call('HMGET', S, 'm', 'a'))
local set = call('HGET', C, 'l')
local foreign = set and set ~= (taken and old[4] or ARGV[10])
if m and led ~= pid then call('HSET', S, 'a', pid) end
if not taken then
	local function write(field, value)
		call('HSET', C, field, value)
		if m then call('HSET', S, field, value) end
	end
	if ARGV[6] ~= '' and (not foreign or set == ARGV[6]) then
		write('l', ARGV[6])
		call('HSET', A, 'w', ARGV[6])
		set, foreign = ARGV[6], false
	end
	if ARGV[7] ~= '-' then
		write('r', ARGV[7])
		call('HSET', A, 'v', ARGV[7])
	end
	if ARGV[8] ~= '' then
		call('HSET', A, 's', ARGV[8], 'i', ARGV[9])
		if ARGV[9] ~= '0' then call('XTRIM', O, 'MINID', ARGV[9]) end
	end
	if call('PTTL', C) < 86400000 then call('PEXPIRE', C, 86400000) end
end
-- Rates in force that the leader before has found: the new one's to change.
local found = taken and old[6] and old[6] == call('HGET', C, 'r') and old[6] or ''
-- The clock of leases, as limit.lua has it.
local epoch, L = 0, 0
if m then
	local _, T
	epoch, _, _, L, _, T = struct.unpack('<dddddd', m)
	L = L + min(max(real - T, 0), num(ARGV[4]) / 2)
end
return {'lead', int(term), taken and 1 or 0, int(epoch), int(L), set or '', foreign and 1 or 0,
	taken and call('HGET', A, 's') or '', after, call('XRANGE', O, '(' .. after, '+', 'COUNT', 1000), found}
