-- Write a whole turn and give its lease back, or write nothing.
-- KEYS  1 meta     hash: fence, token, until, span, committed
--       2 inbox    list: waiting message fields        3 bodies  hash: field -> body
--       4 events   list: the whole conversation        5 snaps   list: newest first, two kept
--       6 seen     hash: field -> replies              7 seenlog list: "ms:field", oldest first
--       8 work     zset: senders with waiting messages 9 senders zset: senders with a conversation
--       10 out     stream: outbound messages           11 queue  list: the sender's ids in `out`
--       12 remind  hash: name -> "due_ms\nbody"        13 due    zset: "sender\0name" by due_ms
-- ARGV  1 fence  2 field  3 sender  4 dedupe_ms  5 record_exp_ms (0: keep)
--       6 channel of the sender  7 channel of the outbox  8 replies  9 snapshot ("": none)
--       10 number of events  11 of outbox entries  12 of cancelled names  13 of reminders
--       14… events, outbox entries, cancelled names, reminders (name, due_ms, body each)
-- Gives "ok" | "stale"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local sender = ARGV[3]

-- The same turn again: its first answer got lost on the way.
local meta = redis.call('HMGET', KEYS[1], 'fence', 'token', 'until', 'span', 'committed')
if meta[5] == ARGV[1] then
  return 'ok'
end
local left = (tonumber(meta[3]) or 0) - now
if meta[1] ~= ARGV[1] or not meta[2] or left <= 0 or left > (tonumber(meta[4]) or 0)
  or redis.call('LINDEX', KEYS[2], 0) ~= ARGV[2] then
  return 'stale'
end

-- The first write is one that a full server refuses, so that a turn is refused whole.
redis.call('HSET', KEYS[1], 'committed', ARGV[1])
redis.call('HDEL', KEYS[1], 'token', 'head', 'attempt')

-- Events and snapshot.
local at, length = 14, redis.call('LLEN', KEYS[4])
for _ = 1, tonumber(ARGV[10]) do
  length = redis.call('RPUSH', KEYS[4], ARGV[at])
  at = at + 1
end
if ARGV[9] ~= '' then
  redis.call('LPUSH', KEYS[5], length .. '\n' .. ARGV[9])
  redis.call('LTRIM', KEYS[5], 0, 1)
end
redis.call('ZADD', KEYS[9], 0, sender)

-- Replies, and forgetting those that are old.
redis.call('HSET', KEYS[6], ARGV[2], ARGV[8])
redis.call('RPUSH', KEYS[7], string.format('%.0f', now) .. ':' .. ARGV[2])
for _ = 1, 8 do
  local ms, field = string.match(redis.call('LINDEX', KEYS[7], 0), '^(%d+):(.*)$')
  if tonumber(ms) + ARGV[4] > now then break end
  redis.call('LPOP', KEYS[7])
  redis.call('HDEL', KEYS[6], field)
end
redis.call('PEXPIRE', KEYS[6], ARGV[4])
redis.call('PEXPIRE', KEYS[7], ARGV[4])

-- Outbox and reminders.
for _ = 1, tonumber(ARGV[11]) do
  local id = redis.call('XADD', KEYS[10], '*', 'sender', sender, 'body', ARGV[at])
  redis.call('RPUSH', KEYS[11], id)
  at = at + 1
end
if ARGV[11] ~= '0' then
  redis.call('PUBLISH', ARGV[7], '')
end
for _ = 1, tonumber(ARGV[12]) do
  redis.call('HDEL', KEYS[12], ARGV[at])
  redis.call('ZREM', KEYS[13], sender .. '\0' .. ARGV[at])
  at = at + 1
end
for _ = 1, tonumber(ARGV[13]) do
  redis.call('HSET', KEYS[12], ARGV[at], ARGV[at + 1] .. '\n' .. ARGV[at + 2])
  redis.call('ZADD', KEYS[13], ARGV[at + 1], sender .. '\0' .. ARGV[at])
  at = at + 3
end

-- The message is served.
redis.call('LPOP', KEYS[2])
redis.call('HDEL', KEYS[3], ARGV[2])
if redis.call('LLEN', KEYS[2]) == 0 then
  redis.call('ZREM', KEYS[8], sender)
else
  redis.call('ZADD', KEYS[8], now, sender)
end

if ARGV[5] ~= '0' then
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
  redis.call('PEXPIRE', KEYS[4], ARGV[5])
  redis.call('PEXPIRE', KEYS[5], ARGV[5])
end
redis.call('PUBLISH', ARGV[6], ARGV[2])
return 'ok'
