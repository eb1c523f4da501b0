-- Takes or keeps the lead, or gives it up; what the leader has to say is published in the same step, so that one who
-- was replaced while he slept publishes nothing.
--
-- KEYS[1] the leader · KEYS[2], KEYS[3] a sheet and its number · KEYS[4], KEYS[5] the next one …
-- ARGV[1] who asks
-- ARGV[2] for how many ms he leads without saying so again; 0: he gives it up
-- ARGV[3], ARGV[4] bytes and number of the first sheet · ARGV[5], ARGV[6] of the next one …; may be left out
-- returns 1 he leads · 0 another one does
local leader = redis.call('GET', KEYS[1])
if leader and leader ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
for i = 3, #ARGV do
  redis.call('SET', KEYS[i - 1], ARGV[i])
end
return 1
