-- The generations of tags, made where there are none. KEYS: tags of one namespace. ARGV: a fresh generation, ttl (ms, '0' = for ever).
-- What lives shorter than the ttl lives twice as long again.
local ttl = tonumber(ARGV[2])
local r = redis.call('MGET', unpack(KEYS))
for i = 1, #KEYS do
  if not r[i] then
    r[i] = ARGV[1]
    if ttl == 0 then redis.call('SET', KEYS[i], r[i]) else redis.call('SET', KEYS[i], r[i], 'PX', 2 * ttl) end
  elseif ttl == 0 then
    redis.call('PERSIST', KEYS[i])
  else
    local left = redis.call('PTTL', KEYS[i])
    if left >= 0 and left < ttl then redis.call('PEXPIRE', KEYS[i], 2 * ttl) end
  end
end
return r
