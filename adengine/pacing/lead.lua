-- Takes or keeps the lead, or gives it up; the leader's sheet is published in the same step, so that one who was
-- replaced while he slept publishes nothing.
--
-- KEYS[1] the leader · KEYS[2] the sheet · KEYS[3] its number
-- ARGV[1] who asks
-- ARGV[2] for how many ms he leads without saying so again; 0: he gives it up
-- ARGV[3], ARGV[4] number and bytes of a sheet; may be left out
-- returns 1 he leads · 0 another one does
local leader = redis.call('GET', KEYS[1])
if leader and leader ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if ARGV[4] then
  redis.call('SET', KEYS[2], ARGV[4])
  redis.call('SET', KEYS[3], ARGV[3])
end
return 1
