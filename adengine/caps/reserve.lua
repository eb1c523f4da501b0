-- Checks the caps of a page's picks and reserves those that have room, in one atomic step; then appends the fill's event
-- to the bucket's stream, unless a pick was refused (the caller will choose again and come back).
-- Loaded behind caps/log.lua.
--
-- KEYS[1] st   the bucket's stream
-- KEYS[2] ep   the stream's epoch
-- KEYS[3] fc   the reader log, KEYS[4] ft his lifetime counts; only with picks
-- ARGV[1]  now_s, epoch s; 0: the server's clock
-- ARGV[2]  hold_s: how long a reservation waits for its impression; 0: it counts at once
-- ARGV[3]  retention_s: the longest window that any cap looks back; older records are dropped
-- ARGV[4]  most living records of one log; more is no person
-- ARGV[5]  view, 31 bits
-- ARGV[6]  0: each pick on its own; 1: all or none (a roadblock); 2: all or none, and if none, why (a wager: a page that
--          was chosen without a look at the reader, who is told now)
-- ARGV[7]  the event; '': none
-- ARGV[8]  16 random bytes, the epoch of a stream that has none yet
-- ARGV[9]  how long lifetime counts are kept, s
-- ARGV[10…] one pick each, big-endian:
--
--   0          4        8          12           16      17       25      29      33
--   | creative | flight | campaign | advertiser | level | window | limit | owner | … further caps, 17 bytes each
--     u32        u32      u32        u32          u8      i64      u32     u32
--
--   level   1 creative · 2 flight · 3 campaign · 4 advertiser
--   window  > 0 rolling seconds · 0 the owner flight's lifetime · -1 this view · else minus the epoch s it counts from
--
-- returns per pick: 1 reserved · -k refused by its k-th cap · 0 undone because another was refused · -99 the log is full
--         behind them, if a wager was lost: the reader log, and his lifetime counts as HGETALL lists them

local PICK, CAP, CAPS_AT = '>I4I4I4I4', '>Bi8I4I4', 17
local RESERVED, UNDONE, FULL = 1, 0, -99
local LIFETIME, VIEW = 0, -1
local DEAD_MIN = 8   -- a log is written anew when so many records are dead, and half of it

local now = tonumber(ARGV[1])
if now == 0 then now = tonumber(redis.call('TIME')[1]) end
local hold, keep, most, view = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local guarded = { {}, {}, {}, {} }   -- level -> id -> the counters of that thing
local lifetimes = {}                 -- those of them that stand in ft

-- Since when confirmed impressions count. Lifetimes and views are not told by time: nothing confirmed counts by this.
local function since(window)
  if window > 0 then return now - window end
  if window >= VIEW then return math.huge end
  if -window > now then return 0 end   -- a day that began by the worker's clock, not by ours: the old one still counts
  return -window
end

-- One counter for each distinct (level, id, window, owner): the picks that it guards share it.
local function counter_of(level, id, window, owner)
  local list = guarded[level][id]
  if not list then
    list = {}
    guarded[level][id] = list
  end
  for i = 1, #list do
    if list[i].window == window and (window ~= LIFETIME or list[i].owner == owner) then return list[i] end
  end
  local counter = { n = 0, window = window, owner = owner, since = since(window) }
  if window == LIFETIME then
    counter.field = owner .. ':' .. level .. ':' .. id
    lifetimes[#lifetimes + 1] = counter
  end
  list[#list + 1] = counter
  return counter
end

local function read_pick(packed)
  local ids, caps, limits = { struct.unpack(PICK, packed) }, {}, {}
  local at = CAPS_AT
  while at < #packed do
    local level, window, limit, owner, following = struct.unpack(CAP, packed, at)
    caps[#caps + 1] = counter_of(level, ids[level], window, owner)
    limits[#caps] = limit
    at = following
  end
  return { ids = ids, caps = caps, limits = limits }
end

local function count(list, pending, ts, of_view)
  for i = 1, #list do
    local counter = list[i]
    if counter.window == VIEW then
      if of_view then counter.n = counter.n + 1 end
    elseif pending or ts >= counter.since then
      counter.n = counter.n + 1
    end
  end
end

-- A released hold is dead by its deadline 0. `<`, not `<=`: what was shown in the first second of a window counts.
local function is_dead(ts, pending)
  return ts < now - keep or (pending and ts < now)
end

-- Counts the whole log. returns how many records are dead, the last deadline (epoch s)
local function scan(log)
  local creatives, flights, campaigns, advertisers = unpack(guarded)
  local dead, last, held = 0, now + hold, view * 2
  for at = 1, #log - RECORD + 1, RECORD do
    local ts, cr, fl, ca, ad, mark = struct.unpack(LAYOUT, log, at)
    local pending = mark % 2 == 0
    if is_dead(ts, pending) then
      dead = dead + 1
    else
      local of_view = mark == held or mark == held + 1
      if pending and ts > last then last = ts end
      local list = creatives[cr]; if list then count(list, pending, ts, of_view) end
      list = flights[fl]; if list then count(list, pending, ts, of_view) end
      list = campaigns[ca]; if list then count(list, pending, ts, of_view) end
      list = advertisers[ad]; if list then count(list, pending, ts, of_view) end
    end
  end
  return dead, last
end

local function judge(pick, has_room)
  for c = 1, #pick.caps do
    if pick.caps[c].n >= pick.limits[c] then return -c end
  end
  return has_room and RESERVED or FULL
end

local function each_counter(ids, visit)
  for level = 1, 4 do
    local list = guarded[level][ids[level]]
    for i = 1, list and #list or 0 do visit(list[i]) end
  end
end

local function add_one(counter) counter.n = counter.n + 1 end

local function add_one_in_store(counter)
  if counter.field then redis.call('HINCRBY', KEYS[4], counter.field, 1) end
end

local function without_dead(log)
  local living = {}
  for at = 1, #log - RECORD + 1, RECORD do
    local ts, _, _, _, _, mark = struct.unpack(LAYOUT, log, at)
    if not is_dead(ts, mark % 2 == 0) then living[#living + 1] = string.sub(log, at, at + RECORD - 1) end
  end
  return table.concat(living)
end

local function write(log, dead, last, added)
  if dead >= DEAD_MIN and dead * RECORD * 2 >= #log then
    redis.call('SET', KEYS[3], without_dead(log) .. added)
  else
    redis.call('APPEND', KEYS[3], added)
  end
  redis.call('EXPIRE', KEYS[3], last - now + keep)   -- a hold may be confirmed at its deadline, and counts from then
end

-- returns the verdicts, and whether none of the picks was refused
local function reserve()
  local picks, verdicts, added, refused = {}, {}, {}, false
  for p = 1, #ARGV - 9 do picks[p] = read_pick(ARGV[p + 9]) end
  if #picks == 0 then return verdicts, true end
  local log = redis.call('GET', KEYS[3]) or ''
  local dead, last = scan(log)
  for i = 1, #lifetimes do
    lifetimes[i].n = lifetimes[i].n + tonumber(redis.call('HGET', KEYS[4], lifetimes[i].field) or 0)
  end
  local room = most - #log / RECORD + dead
  for p = 1, #picks do
    local ids = picks[p].ids
    verdicts[p] = judge(picks[p], #added < room)
    if verdicts[p] == RESERVED then
      each_counter(ids, add_one)
      added[#added + 1] = struct.pack(LAYOUT, now + hold, ids[1], ids[2], ids[3], ids[4], view * 2 + (hold == 0 and 1 or 0))
    else
      refused = true
    end
  end
  if refused and ARGV[6] ~= '0' then
    for p = 1, #picks do if verdicts[p] == RESERVED then verdicts[p] = UNDONE end end
    if ARGV[6] == '2' then
      verdicts[#picks + 1] = log
      verdicts[#picks + 2] = redis.call('HGETALL', KEYS[4])
    end
  elseif #added > 0 then
    write(log, dead, last, table.concat(added))
    for p = 1, hold == 0 and #picks or 0 do
      if verdicts[p] == RESERVED then each_counter(picks[p].ids, add_one_in_store) end
    end
    if hold == 0 and #lifetimes > 0 then redis.call('EXPIRE', KEYS[4], ARGV[9]) end
  end
  return verdicts, not refused
end

local verdicts, complete = reserve()
if complete and ARGV[7] ~= '' then
  redis.call('SET', KEYS[2], ARGV[8], 'NX')
  redis.call('XADD', KEYS[1], '*', 'e', ARGV[7])
end
return verdicts
