-- The right to load. KEYS: data. ARGV: lease blob, term (ms), token of a value to be replaced ('' = none).
-- nil = granted, else what stands there.
local v = redis.call('GET', KEYS[1])
if v and not (ARGV[3] ~= '' and string.byte(v, 1) == 86 and string.sub(v, 2, 17) == ARGV[3]) then return v end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return false
