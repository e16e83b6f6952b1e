-- Delete everything kept about a sender.
-- KEYS  1 meta  2 inbox  3 bodies  4 events  5 snaps  6 seen  7 seenlog   the sender's own
--       8 work  9 senders   zsets holding the sender
--       10 out  11 queue    the stream, and the sender's ids in it
--       12 remind  13 due   the sender's reminders, and the zset of "sender\0name"
--       14 later  15 tries  16 dead   retries by id, attempts by id, entries given up on
-- ARGV  1 sender  2 channel of the sender  3 consumer group
-- Gives the number of events there were
local sender = ARGV[1]
local length = redis.call('LLEN', KEYS[4])

for _, id in ipairs(redis.call('LRANGE', KEYS[11], 0, -1)) do
  redis.pcall('XACK', KEYS[10], ARGV[3], id)
  redis.call('XDEL', KEYS[10], id)
  redis.call('ZREM', KEYS[14], id)
  redis.call('HDEL', KEYS[15], id)
end
for _, entry in ipairs(redis.call('XRANGE', KEYS[16], '-', '+')) do
  if entry[2][2] == sender then
    redis.call('XDEL', KEYS[16], entry[1])
  end
end
for _, name in ipairs(redis.call('HKEYS', KEYS[12])) do
  redis.call('ZREM', KEYS[13], sender .. '\0' .. name)
end
redis.call('ZREM', KEYS[8], sender)
redis.call('ZREM', KEYS[9], sender)
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[11], KEYS[12])
redis.call('PUBLISH', ARGV[2], '')
return length
