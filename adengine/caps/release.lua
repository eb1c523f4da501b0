-- Gives one hold back: it counts nowhere any more. Loaded behind caps/log.lua.
--
-- KEYS[1] fc   the reader log
-- ARGV[1] now_s, epoch s; 0: the server's clock
-- ARGV[2] creative, ARGV[3] flight, ARGV[4] view
-- returns 1 released · 0 there was none to release
local now = tonumber(ARGV[1])
if now == 0 then now = tonumber(redis.call('TIME')[1]) end
local log = redis.call('GET', KEYS[1]) or ''
local at = find_hold(log, tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), now)
if not at then return 0 end
redis.call('SETRANGE', KEYS[1], at, struct.pack('>I4', 0))
return 1
