-- Makes a value the entry, whatever stands there; a hold stays and is marked shared (under OOM either goes). Returns whether it was stored.
-- KEYS: data, fence. ARGV: entry, ttl (ms, '0' = for ever).
local r, stored
if redis.pcall('GETRANGE', KEYS[1], '0', '0') == 'H' then
  r, stored = redis.pcall('SETRANGE', KEYS[1], '1', '\1'), 0
else
  if ARGV[2] == '0' then r = redis.pcall('SET', KEYS[1], ARGV[1]) else r = redis.pcall('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
  stored = 1
end
if type(r) == 'table' and r.err then
  redis.call('UNLINK', KEYS[1])
  stored = 0
end
redis.call('SET', KEYS[2], '')
redis.call('DEL', KEYS[2])
return stored
