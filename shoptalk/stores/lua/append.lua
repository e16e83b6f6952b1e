-- Write events outside a turn, between turns.
-- KEYS  1 meta    hash: token, until, span, written, mark
--       2 events  list: the whole conversation
--       3 snaps   list: newest first
--       4 senders zset: senders with a conversation
-- ARGV  1 token (one per call, so that a repeated call writes once)  2 sender
--       3 record_exp_ms (0: keep)  4 channel of the sender  5 length it must have ("": any)
--       6 "append" | "replace"  7… events
-- Gives {"ok", length} | {"busy", left_ms} | {"moved", length}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local meta = redis.call('HMGET', KEYS[1], 'token', 'until', 'span', 'written')
local length = redis.call('LLEN', KEYS[2])
if meta[4] == ARGV[1] then
  return {'ok', length}
end
local left = (tonumber(meta[2]) or 0) - now
if meta[1] and left > 0 and left <= (tonumber(meta[3]) or 0) then
  return {'busy', left}
end
if ARGV[5] ~= '' and tonumber(ARGV[5]) ~= length then
  return {'moved', length}
end

-- Taking the token away makes sure that an expired turn cannot come back.
redis.call('HSET', KEYS[1], 'written', ARGV[1])
redis.call('HDEL', KEYS[1], 'token')
if ARGV[6] == 'replace' then
  redis.call('DEL', KEYS[2], KEYS[3])
  redis.call('HDEL', KEYS[1], 'mark')
  length = 0
end
for at = 7, #ARGV do
  length = redis.call('RPUSH', KEYS[2], ARGV[at])
end
if length > 0 then
  redis.call('ZADD', KEYS[4], 0, ARGV[2])
else
  redis.call('ZREM', KEYS[4], ARGV[2])
end

if ARGV[3] ~= '0' then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
  redis.call('PEXPIRE', KEYS[3], ARGV[3])
end
redis.call('PUBLISH', ARGV[4], '')
return {'ok', length}
