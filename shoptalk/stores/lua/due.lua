-- Claim the reminders of one bucket that are due.
-- KEYS  1 due  zset: "sender\0name" by due_ms
-- ARGV  1 now_ms  2 limit  3 reclaim_ms (until it is handed out again)  4 prefix of the bucket's remind keys
-- Gives {sender, name, "due_ms\nbody", …}
local found = {}
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])) do
  local cut = string.find(member, '\0', 1, true)
  local sender, name = string.sub(member, 1, cut - 1), string.sub(member, cut + 1)
  local stored = redis.call('HGET', ARGV[4] .. sender, name)
  if stored then
    redis.call('ZADD', KEYS[1], ARGV[1] + ARGV[3], member)
    found[#found + 1] = sender
    found[#found + 1] = name
    found[#found + 1] = stored
  else
    redis.call('ZREM', KEYS[1], member)
  end
end
return found
