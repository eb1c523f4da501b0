-- Leases a part of a flight's budget to one worker, and takes back what he has not spent of an earlier part.
--
-- KEYS[1] g    HASH: "<window>" -> impressions leased in that window and not handed back · born -> epoch s, see below
-- ARGV[1] now_s, epoch s; 0: the server's clock
-- ARGV[2] tau_s: everything that was recorded up to then is in the counts that `left` is taken from
-- ARGV[3] left: what the budget had left at tau_s, and what of the leases that reach past tau_s - horizon_s was
--         recorded up to then
-- ARGV[4] horizon_s: past it a leased impression has either been recorded or never will count
-- ARGV[5] want: as many are asked for; 0: only hand back
-- ARGV[6] share: at most the (2 * share)th part of what remains is given, but one as long as one remains
-- ARGV[7] 1: something of the flight was counted before, so that a store without a record of its leases has lost them
-- ARGV[8…] handed back, in pairs: window, number
-- returns {n leased, their window}
--
-- At most `left` can be recorded after tau_s: from it goes all that was leased in windows which reach past
-- tau_s - horizon_s, recorded since or not. So the sum of all that counts never passes the budget.
-- A caller with an older tau_s than another is as safe: windows are kept for KEEP_S more, and an older one is refused.

local WINDOW_S, KEEP_S, LIVES_S = 5, 60, 8 * 86400
local now, tau, horizon = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[4])
if now == 0 then now = tonumber(redis.call('TIME')[1]) end
local window = math.floor(now / WINDOW_S)

for a = 8, #ARGV, 2 do
  local leased = tonumber(redis.call('HGET', KEYS[1], ARGV[a]) or 0)
  if leased >= tonumber(ARGV[a + 1]) then redis.call('HINCRBY', KEYS[1], ARGV[a], -ARGV[a + 1]) end
end
if tonumber(ARGV[5]) == 0 then return { 0, window } end

local kept, born, newest, remaining = redis.call('HGETALL', KEYS[1]), nil, tau, tonumber(ARGV[3])
for f = 1, #kept, 2 do
  if kept[f] == 'born' then
    born = tonumber(kept[f + 1])
  elseif kept[f] == 'tau' then
    newest = math.max(newest, tonumber(kept[f + 1]))
  else
    local ends = (tonumber(kept[f]) + 1) * WINDOW_S
    if ends > tau - horizon then
      remaining = remaining - tonumber(kept[f + 1])
    elseif ends <= tau - horizon - KEEP_S then
      redis.call('HDEL', KEYS[1], kept[f])
    end
  end
end
if not born then
  born = ARGV[7] == '1' and now or 0
  redis.call('HSET', KEYS[1], 'born', born)
end
if remaining < 1 or tau < newest - KEEP_S or now < born + horizon and born > 0 then return { 0, window } end
local n = math.max(1, math.min(tonumber(ARGV[5]), math.floor(remaining / (2 * tonumber(ARGV[6])))))
redis.call('HINCRBY', KEYS[1], window, n)
redis.call('HSET', KEYS[1], 'tau', newest)
redis.call('EXPIRE', KEYS[1], LIVES_S)
return { n, window }
