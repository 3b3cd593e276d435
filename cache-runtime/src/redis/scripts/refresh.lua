-- The right to reload a value that goes on answering, written into it. KEYS: data. ARGV: token seen, own token, term (ms).
local h = redis.call('GETRANGE', KEYS[1], '0', '40')
if #h < 41 or string.byte(h, 1) ~= 86 or string.sub(h, 2, 17) ~= ARGV[1] then return 0 end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if struct.unpack('<I8', h, 34) > now then return 0 end
redis.call('SETRANGE', KEYS[1], '17', ARGV[2] .. struct.pack('<I8', now + tonumber(ARGV[3])))
return 1
