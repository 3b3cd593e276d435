-- Announces a tag and leaves its generation as it is. KEYS: tag.
local v = redis.call('GET', KEYS[1])
if v then
  redis.call('SET', KEYS[1], v, 'KEEPTTL')
else
  redis.call('SET', KEYS[1], '')
  redis.call('DEL', KEYS[1])
end
return 1
