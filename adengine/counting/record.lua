-- Judges one beacon and records it, all or nothing: what of its pick has been recorded, the hold that it confirms, and
-- the event in the stream. Loaded behind caps/log.lua, for confirm_hold.
--
-- KEYS[1] ev   the request's record: a byte per pick 0..15 (bits below), u16 big-endian, the further copies, then as far
--              as needed u32 per pick, when its impression came, ms of the clock (modulo 2^32)
-- KEYS[2] st   the bucket's stream
-- KEYS[3] ep   the stream's epoch
-- KEYS[4] fc   the reader log, KEYS[5] ft its totals; only if held
-- KEYS[last] rt how many beacons of the reader came in this minute; only if ARGV[14] is not 0
-- ARGV[1]  now_s, 0: the server's clock
-- ARGV[2]  the token's body
-- ARGV[3]  pick, 0..15
-- ARGV[4]  kind: 0 impression, 1 viewable, 2 click
-- ARGV[5]  variant, u8
-- ARGV[6]  1 if the page can measure viewability, else 0
-- ARGV[7]  the reason that the worker found already; then nothing but the event is written
-- ARGV[8]  1 if the impression must confirm a hold, else 0
-- ARGV[9]  how long ev lives, s; longer than any token of the request
-- ARGV[10] most further copies that are kept of one request; those beyond change nothing and leave no event
-- ARGV[11] 16 random bytes, the epoch of a stream that has none yet
-- ARGV[12] a reason that the worker found and that comes after no_impression and too_fast
-- ARGV[13] how soon after its impression a click is too fast, ms; 0: never
-- ARGV[14] most beacons of the reader in a minute; 0: any number
-- ARGV[15] 1 if the impression may wait in a spool: then without it nothing is recorded
-- ARGV[16…] what confirm_hold needs, see caps/log.lua
-- returns the reason why the beacon does not count, '' if it counts, 'waits' if it must wait for its impression

local IMPRESSION, MEASURABLE, COUNTED = 1, 8, 16   -- bits of a pick; viewable is 2, click 4 (1 << kind)
local COPIES_AT, TIMES_AT, MS = 16, 18, 2 ^ 32

local clock = redis.call('TIME')
local now_s = tonumber(ARGV[1])
local now_ms = now_s * 1000
if now_s == 0 then
  now_s = tonumber(clock[1])
  now_ms = now_s * 1000 + math.floor(tonumber(clock[2]) / 1000)
end
local pick, kind = tonumber(ARGV[3]), tonumber(ARGV[4])
local record = redis.call('GET', KEYS[1]) or ''
record = record .. string.rep('\0', TIMES_AT - #record)   -- an impression's time is there as soon as its bit is
local bits = string.byte(record, pick + 1)
local reason, flags = ARGV[7], 0

local function is_flood(most)
  if most == 0 then return false end
  local n = redis.call('INCR', KEYS[#KEYS])
  if n == 1 then redis.call('EXPIRE', KEYS[#KEYS], 60) end
  return n > most
end

local function judge()
  if kind ~= 0 and bit.band(bits, IMPRESSION) == 0 then return ARGV[15] == '1' and 'waits' or 'no_impression' end
  if kind == 2 and (now_ms - struct.unpack('>I4', record, TIMES_AT + 4 * pick + 1)) % MS < tonumber(ARGV[13]) then
    return 'too_fast'
  end
  if is_flood(tonumber(ARGV[14])) then return 'rate' end
  if ARGV[12] ~= '' then return ARGV[12] end
  if bit.band(bits, 2 ^ kind) ~= 0 then return 'duplicate' end
  flags = 1
  bits = bits + 2 ^ kind
  if kind ~= 0 then return bit.band(bits, COUNTED) ~= 0 and '' or 'late' end
  if ARGV[8] == '1' and not confirm_hold(KEYS[4], KEYS[5], now_s, ARGV, 16) then return 'late' end
  bits = bits + COUNTED
  return ''
end

if reason == '' then reason = judge() end
if reason == 'waits' then return reason end
if flags == 1 then
  if reason == '' and ARGV[6] == '1' and bit.band(bits, MEASURABLE) == 0 then
    flags, bits = flags + 2, bits + MEASURABLE
  end
  redis.call('SETRANGE', KEYS[1], pick, string.char(bits))
  if kind == 0 then redis.call('SETRANGE', KEYS[1], TIMES_AT + 4 * pick, struct.pack('>I4', now_ms % MS)) end
else
  local copies = struct.unpack('>I2', record, COPIES_AT + 1)
  if copies >= tonumber(ARGV[10]) then return reason end
  redis.call('SETRANGE', KEYS[1], COPIES_AT, struct.pack('>I2', copies + 1))
end
redis.call('EXPIRE', KEYS[1], ARGV[9])
redis.call('SET', KEYS[3], ARGV[11], 'NX')
redis.call('XADD', KEYS[2], '*', 'e', '\1' .. ARGV[2] .. struct.pack('>I4BB', now_s, tonumber(ARGV[5]), flags) .. reason)
return reason
