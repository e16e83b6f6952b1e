-- Put a message in its sender's inbox, once.
-- KEYS  1 inbox   list: waiting message fields, head first
--       2 bodies  hash: field -> "accepted_ms\nbody" of the waiting
--       3 seen    hash: field -> replies of the answered
--       4 work    zset: senders with waiting messages, by time
-- ARGV  1 field  2 body  3 max_waiting  4 sender
-- Gives {"done", replies} | {"pending", waiting} | {"full", waiting} | {"new", waiting}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local replies = redis.call('HGET', KEYS[3], ARGV[1])
if replies then
  return {'done', replies}
end

local waiting = redis.call('LLEN', KEYS[1])
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 1 then
  return {'pending', waiting}
end
if waiting >= tonumber(ARGV[3]) then
  return {'full', waiting}
end

redis.call('HSET', KEYS[2], ARGV[1], string.format('%.0f', now) .. '\n' .. ARGV[2])
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[4], 'NX', now, ARGV[4])
return {'new', waiting + 1}
