-- Confirms one hold, without any event: what counting/record.lua does inside. Loaded behind caps/log.lua.
--
-- KEYS[1] fc   the reader log
-- KEYS[2] ft   his lifetime counts
-- ARGV[1]  now_s, epoch s; 0: the server's clock
-- ARGV[2…] what confirm_hold needs, see caps/log.lua
-- returns {1, lifetime counts…} confirmed · {2} a duplicate · {0} unknown or lapsed
local now = tonumber(ARGV[1])
if now == 0 then now = tonumber(redis.call('TIME')[1]) end
local counts, why = confirm_hold(KEYS[1], KEYS[2], now, ARGV, 2)
if counts then return { 1, unpack(counts) } end
return { why == 'duplicate' and 2 or 0 }
