-- Lease the head of a sender's inbox under a growing fencing number.
-- KEYS  1 meta    hash: fence, token, until, span, head, attempt, committed, mark
--       2 inbox   list: waiting message fields, head first
--       3 bodies  hash: field -> "accepted_ms\nbody"
--       4 events  list: the whole conversation
--       5 snaps   list: newest first, "index\nstate"
-- ARGV  1 token (one per call, so that a repeated call gets the same lease)  2 lease_ms
--       3 mark of the history the caller knows ("": none)  4 index of its snapshot  5 its length
-- Gives {"idle"} | {"leased", left_ms}
--       | {"turn", fence, attempt, field, body, length, snapshot, tail, mark, 1 when the tail begins at ARGV 5}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local head = redis.call('LINDEX', KEYS[2], 0)
if not head then
  return {'idle'}
end

-- A lease that ends later than its whole span from now was given before the clock was set back.
local meta = redis.call('HMGET', KEYS[1], 'token', 'until', 'span', 'fence', 'head', 'attempt', 'mark')
local left = (tonumber(meta[2]) or 0) - now
local live = meta[1] and left > 0 and left <= (tonumber(meta[3]) or 0)
if live and meta[1] ~= ARGV[1] then
  return {'leased', left}
end

-- The mark stands for a history that only grows; `replace` takes it away.
local fence, attempt, mark = meta[4], tonumber(meta[6]) or 1, meta[7]
if not live then
  -- At least the clock, so that numbers keep growing when the record was dropped meanwhile.
  local micros = time[1] * 1000000 + time[2]
  fence = string.format('%.0f', math.max((tonumber(meta[4]) or 0) + 1, micros))
  attempt = (meta[5] == head) and attempt + 1 or 1
  mark = mark or fence
  redis.call('HSET', KEYS[1], 'fence', fence, 'token', ARGV[1], 'until', string.format('%.0f', now + ARGV[2]),
    'span', ARGV[2], 'head', head, 'attempt', attempt, 'mark', mark)
end

local snapshot = redis.call('LINDEX', KEYS[5], 0) or ''
local first = string.match(snapshot, '^(%d+)\n') or '0'
local length, rest = redis.call('LLEN', KEYS[4]), 0
if mark == ARGV[3] and first == ARGV[4] and length >= tonumber(ARGV[5]) then
  first, snapshot, rest = ARGV[5], '', 1
end
return {'turn', fence, attempt, head, redis.call('HGET', KEYS[3], head), length, snapshot,
  redis.call('LRANGE', KEYS[4], first, -1), mark, rest}
