-- Cancel reminders of a sender.
-- KEYS  1 remind  hash: name -> "due_ms\nbody"   2 due  zset: "sender\0name" by due_ms
-- ARGV  1 sender  2 due_ms the reminder must still have ("": any)  3… names (none: all of them)
-- Gives how many there were
local names, count = {}, 0
if #ARGV == 2 then
  names = redis.call('HKEYS', KEYS[1])
end
for at = 3, #ARGV do
  names[#names + 1] = ARGV[at]
end
for _, name in ipairs(names) do
  local stored = redis.call('HGET', KEYS[1], name)
  if stored and (ARGV[2] == '' or string.match(stored, '^(%d+)\n') == ARGV[2]) then
    count = count + redis.call('HDEL', KEYS[1], name)
    redis.call('ZREM', KEYS[2], ARGV[1] .. '\0' .. name)
  end
end
return count
