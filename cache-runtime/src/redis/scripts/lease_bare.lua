-- The right to load where values stand bare: never in place of what somebody else wrote. KEYS: header, data.
-- ARGV: lease blob, term (ms), token of a value to be replaced ('' = none). nil = granted, else header and data.
-- A header ends with the SHA-1 of the data that it is of; a header without its data is nothing.
local m, d = redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2])
local kind = m and string.byte(m, 1)
local unusable = d and kind == 86 and string.sub(m, 2, 17) == ARGV[3] and string.sub(m, -40) == redis.sha1hex(d)
if kind == 76 or kind == 72 or (d and not unusable) then return {m, d} end
if d then redis.call('UNLINK', KEYS[2]) end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return false
