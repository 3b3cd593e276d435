-- Stores a value instead of the one that was seen, if that one is still there. KEYS: data, fence. ARGV: token seen, entry, ttl (ms, '0' = for ever).
if redis.call('GETRANGE', KEYS[1], '0', '16') ~= 'V' .. ARGV[1] then return 0 end
if ARGV[3] == '0' then redis.call('SET', KEYS[1], ARGV[2]) else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
redis.call('SET', KEYS[2], '')
redis.call('DEL', KEYS[2])
return 1
