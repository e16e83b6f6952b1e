-- Hand out outbound messages of one bucket: at least once, in order per sender.
-- KEYS  1 out    stream with one consumer group
--       2 later  zset: id by the ms at which it may be handed out (retries, freed successors)
--       3 tries  hash: id -> times handed out
-- ARGV  1 group  2 consumer  3 limit  4 reclaim_ms  5 prefix of the bucket's queue keys
-- Gives {id, sender, body, attempt, …}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local limit = tonumber(ARGV[3])
local found = {}

if redis.call('EXISTS', KEYS[1]) == 0 then
  return found
end
redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0')

-- Only the oldest entry of a sender may go; the others stay pending until `done` frees them.
local function hand_out(entries)
  for _, entry in ipairs(entries) do
    local id, sender, body = entry[1], entry[2][2], entry[2][4]
    if redis.call('LINDEX', ARGV[5] .. sender, 0) == id then
      local attempt = redis.call('HINCRBY', KEYS[3], id, 1)
      found[#found + 1] = {id, sender, body, attempt}
    end
  end
end

-- 1. Those whose time has come.
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, limit)) do
  redis.call('ZREM', KEYS[2], id)
  hand_out(redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, id))
end

-- 2. Those of a consumer that went silent.
if #found < limit then
  local idle = redis.call('XAUTOCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[4], '0-0', 'COUNT', limit - #found)[2]
  local free = {}
  for _, entry in ipairs(idle) do
    if entry[2] and not redis.call('ZSCORE', KEYS[2], entry[1]) then
      free[#free + 1] = entry
    end
  end
  hand_out(free)
end

-- 3. New ones.
if #found < limit then
  local new = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', limit - #found, 'STREAMS', KEYS[1], '>')
  if new then
    hand_out(new[1][2])
  end
end
return found
