-- Stores a loaded value, if its lease (or refresh lease) is still there. KEYS: data. ARGV: token, entry, ttl (ms, '0' = for ever).
local h = redis.call('GETRANGE', KEYS[1], '0', '32')
local k = string.byte(h, 1)
if (k == 76 and string.sub(h, 2, 17) == ARGV[1]) or (k == 86 and string.sub(h, 18, 33) == ARGV[1]) then
  if ARGV[3] == '0' then redis.call('SET', KEYS[1], ARGV[2]) else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
  return 1
end
return 0
