-- Adds to a counter, which gets its ttl when it begins, and tells its digits: as numbers of Lua they would be rounded.
-- KEYS: counter. ARGV: by, ttl (ms, '0' = for ever).
local begins = ARGV[2] ~= '0' and redis.call('EXISTS', KEYS[1]) == 0
local r = redis.pcall('INCRBY', KEYS[1], ARGV[1])
if type(r) == 'table' then
  if string.sub(r.err, 1, 4) == 'ERR ' then return redis.error_reply('NOTINT ' .. r.err) end
  return r
end
if begins then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return redis.call('GET', KEYS[1])
