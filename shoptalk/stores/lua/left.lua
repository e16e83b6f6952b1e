-- How long until a turn may begin.
-- KEYS  1 meta  hash: token, until, span   2 inbox  list
-- Gives -1 nothing waits | 0 now | the ms left of somebody's lease
if redis.call('LLEN', KEYS[2]) == 0 then
  return -1
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local meta = redis.call('HMGET', KEYS[1], 'token', 'until', 'span')
local left = (tonumber(meta[2]) or 0) - now
if meta[1] and left > 0 and left <= (tonumber(meta[3]) or 0) then
  return left
end
return 0
