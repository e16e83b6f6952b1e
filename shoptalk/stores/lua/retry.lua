-- Hand an outbound message out again after a delay.
-- KEYS  1 queue  list: the sender's ids   2 later  zset: id by the ms at which it may go
-- ARGV  1 id  2 delay_ms
-- Gives 1 | 0 when it is not waiting any more
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call('LPOS', KEYS[1], ARGV[1]) == false then
  return 0
end
redis.call('ZADD', KEYS[2], now + ARGV[2], ARGV[1])
return 1
