-- Senders of one bucket with waiting messages and no live lease.
-- KEYS  1 work  zset: senders with waiting messages, by time
-- ARGV  1 limit  2 prefix of the bucket's meta keys
-- Gives {sender, waiting since (ms), …}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local page = redis.call('ZRANGE', KEYS[1], 0, ARGV[1] - 1, 'WITHSCORES')
local found = {}
for at = 1, #page, 2 do
  local meta = redis.call('HMGET', ARGV[2] .. page[at], 'token', 'until', 'span')
  local left = (tonumber(meta[2]) or 0) - now
  if not (meta[1] and left > 0 and left <= (tonumber(meta[3]) or 0)) then
    found[#found + 1] = page[at]
    found[#found + 1] = page[at + 1]
  end
end
return found
