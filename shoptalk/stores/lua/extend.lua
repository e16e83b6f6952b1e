-- Renew a lease, or give it back.
-- KEYS  1 meta    hash: fence, token, until, span
-- ARGV  1 fence  2 lease_ms (0 gives the lease back)  3 channel to tell
-- Gives 1 | 0 when the lease is not the caller's any more
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local meta = redis.call('HMGET', KEYS[1], 'fence', 'token', 'until', 'span')
local left = (tonumber(meta[3]) or 0) - now
if meta[1] ~= ARGV[1] or not meta[2] or left <= 0 or left > (tonumber(meta[4]) or 0) then
  return 0
end

if ARGV[2] == '0' then
  redis.call('HDEL', KEYS[1], 'token')
  redis.call('PUBLISH', ARGV[3], '')
else
  redis.call('HSET', KEYS[1], 'until', string.format('%.0f', now + ARGV[2]), 'span', ARGV[2])
end
return 1
