-- Schedule a reminder; one of the same name is replaced.
-- KEYS  1 remind  hash: name -> "due_ms\nbody"   2 due  zset: "sender\0name" by due_ms
-- ARGV  1 sender  2 name  3 due_ms  4 body
-- Gives 1
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3] .. '\n' .. ARGV[4])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1] .. '\0' .. ARGV[2])
return 1
