-- Cuts what has been counted from a bucket's stream, if it still is the stream that was counted. A store that came back
-- empty between the reading and this has another epoch, and its entries, uncounted, may have smaller ids.
--
-- KEYS[1] st   the bucket's stream
-- KEYS[2] ep   its epoch
-- ARGV[1]  the epoch under which it was read
-- ARGV[2]  the first id to keep
-- returns how many entries were cut
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
return redis.call('XTRIM', KEYS[1], 'MINID', '=', ARGV[2])
