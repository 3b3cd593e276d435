-- Stores a loaded value bare, and its header beside it, if the lease is still there and nobody else has written meanwhile, or if the
-- value that is being reloaded is. Both end at one time: without its header the value would be taken for somebody else's.
-- KEYS: header, data. ARGV: token, header, ttl (ms, '0' = for ever), data.
local m, d = redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2])
local kind = m and string.byte(m, 1)
if kind == 76 and string.sub(m, 2, 17) == ARGV[1] then
  if d then
    redis.call('UNLINK', KEYS[1])
    return 0
  end
elseif not (kind == 86 and string.sub(m, 18, 33) == ARGV[1] and d and string.sub(m, -40) == redis.sha1hex(d)) then
  return 0
end
local t = redis.call('TIME')
local ends = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000) + ARGV[3])
for i = 1, 2 do
  if ARGV[3] == '0' then redis.call('SET', KEYS[i], ARGV[2 * i]) else redis.call('SET', KEYS[i], ARGV[2 * i], 'PXAT', ends) end
end
return 1
