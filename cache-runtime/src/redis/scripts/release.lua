-- KEYS: data. ARGV: token.
if redis.call('GETRANGE', KEYS[1], 0, 16) == 'L' .. ARGV[1] then return redis.call('UNLINK', KEYS[1]) end
return 0
