-- A page of the senders of one bucket; those whose conversation expired are dropped.
-- KEYS  1 senders  zset, all of score 0
-- ARGV  1 the last sender of the page before ("": start)  2 limit  3 prefix of the bucket's events keys
-- Gives {last sender looked at or "" at the end, senders…}
local start = ARGV[1] == '' and '-' or '(' .. ARGV[1]
local page = redis.call('ZRANGEBYLEX', KEYS[1], start, '+', 'LIMIT', 0, ARGV[2])
local found = {#page == tonumber(ARGV[2]) and page[#page] or ''}
for _, sender in ipairs(page) do
  if redis.call('EXISTS', ARGV[3] .. sender) == 1 then
    found[#found + 1] = sender
  else
    redis.call('ZREM', KEYS[1], sender)
  end
end
return found
