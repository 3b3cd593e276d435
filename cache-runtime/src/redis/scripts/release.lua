-- KEYS: data, bare value if it stands apart. ARGV: token. Who finds a bare value was overtaken by whoever wrote it.
if redis.call('GETRANGE', KEYS[1], '0', '16') == 'L' .. ARGV[1] then
  redis.call('UNLINK', KEYS[1])
  return (KEYS[2] and redis.call('PTTL', KEYS[2]) ~= -2) and 0 or 1
end
return 0
