-- The reader log: its layout, and the functions that every script over it shares. Loaded before them, as one text.
--
-- fc is a string of records, 24 bytes each, six unsigned 32-bit numbers, big-endian:
--
--   0      4          8        12         16           20                   24
--   | ts   | creative | flight | campaign | advertiser | view<<1 | confirmed |
--
--   confirmed 1   ts = when it was shown, epoch s
--   confirmed 0   ts = the deadline of its hold; past it the record means nothing
--   ts 0          released, means nothing
--
-- view is the 31-bit number of the page view. Records of the same creative, flight and view are interchangeable.
-- ft is a hash of lifetime counts, "<owner flight>:<level>:<id>" -> confirmed impressions.
-- adengine/caps/records.py mirrors the layout for numpy.

local RECORD = 24
local LAYOUT = '>I4I4I4I4I4I4'

-- Finds the newest hold of (creative, flight, view) that lives at now_s (epoch s; its deadline included).
-- returns its offset in bytes; or nil and whether a confirmed one was met instead
local function find_hold(log, creative, flight, view, now_s)
  local held, confirmed, met = view * 2, view * 2 + 1, false
  for at = #log - RECORD, 0, -RECORD do
    local ts, cr, fl, _, _, mark = struct.unpack(LAYOUT, log, at + 1)
    if cr == creative and fl == flight then
      if mark == held and ts >= now_s then return at end
      met = met or mark == confirmed
    end
  end
  return nil, met
end

-- Confirms the hold of an impression at now_s (epoch s): from now on it counts from then.
-- args[first…]: creative, flight, view, how long the lifetime counts are kept (s), then per count: owner, level, id
-- returns the new lifetime counts, in order, as a table; or nil and 'duplicate' or 'lapsed'
local function confirm_hold(log_key, totals_key, now_s, args, first)
  local log = redis.call('GET', log_key) or ''
  local view = tonumber(args[first + 2])
  local at, met = find_hold(log, tonumber(args[first]), tonumber(args[first + 1]), view, now_s)
  if not at then return nil, met and 'duplicate' or 'lapsed' end
  redis.call('SETRANGE', log_key, at, struct.pack('>I4', now_s))
  redis.call('SETRANGE', log_key, at + 20, struct.pack('>I4', view * 2 + 1))
  local counts = {}
  for a = first + 4, #args, 3 do
    counts[#counts + 1] = redis.call('HINCRBY', totals_key, args[a] .. ':' .. args[a + 1] .. ':' .. args[a + 2], 1)
  end
  if #counts > 0 then redis.call('EXPIRE', totals_key, args[first + 3]) end
  return counts
end
