-- Add one outbound message outside a turn.
-- KEYS  1 out  stream   2 queue  list: the sender's ids in `out`
-- ARGV  1 sender  2 body  3 channel of the outbox
-- Gives its id
local id = redis.call('XADD', KEYS[1], '*', 'sender', ARGV[1], 'body', ARGV[2])
redis.call('RPUSH', KEYS[2], id)
redis.call('PUBLISH', ARGV[3], '')
return id
