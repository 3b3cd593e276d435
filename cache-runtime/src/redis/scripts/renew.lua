-- KEYS: data. ARGV: token, term (ms).
if redis.call('GETRANGE', KEYS[1], '0', '16') == 'L' .. ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
