-- An outbound message was sent or given up on; the sender's next one may go.
-- KEYS  1 out  stream   2 queue  list: the sender's ids   3 later  zset   4 tries  hash
--       5 dead  stream of those given up on
-- ARGV  1 group  2 id  3 channel of the outbox  4 sender  5 reason ("": it was sent)  6 body
-- Gives 1 | 0 when it was done before
if redis.call('LREM', KEYS[2], 1, ARGV[2]) == 0 then
  return 0
end
if ARGV[5] ~= '' then
  local attempt = redis.call('HGET', KEYS[4], ARGV[2]) or '0'
  redis.call('XADD', KEYS[5], 'MAXLEN', '~', 1000, '*', 'sender', ARGV[4], 'body', ARGV[6],
    'reason', ARGV[5], 'attempt', attempt)
end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
redis.call('XDEL', KEYS[1], ARGV[2])
redis.call('ZREM', KEYS[3], ARGV[2])
redis.call('HDEL', KEYS[4], ARGV[2])

-- A successor that was read while this one was in the way waits among the pending.
local next_id = redis.call('LINDEX', KEYS[2], 0)
if next_id and #redis.call('XPENDING', KEYS[1], ARGV[1], next_id, next_id, 1) > 0 then
  redis.call('ZADD', KEYS[3], 0, next_id)
  redis.call('PUBLISH', ARGV[3], '')
end
return 1
