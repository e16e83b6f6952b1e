-- Read a conversation from one of its snapshots on.
-- KEYS  1 events  list: the whole conversation
--       2 snaps   list: newest first, "index\nstate"
-- ARGV  1 which snapshot: 0 the newest, 1 the one before, -1 none (everything)
-- Gives {length, snapshot, tail}
local snapshot = ''
if ARGV[1] ~= '-1' then
  snapshot = redis.call('LINDEX', KEYS[2], ARGV[1]) or ''
end
local first = string.match(snapshot, '^(%d+)\n') or '0'
return {redis.call('LLEN', KEYS[1]), snapshot, redis.call('LRANGE', KEYS[1], first, -1)}
