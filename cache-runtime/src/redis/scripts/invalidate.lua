-- Removes a value or a lease; a hold stays and is marked shared (under OOM it goes too). KEYS: data, fence, bare value if it stands apart.
if KEYS[3] then redis.call('UNLINK', KEYS[3]) end
local held = redis.pcall('GETRANGE', KEYS[1], 0, 0) == 'H'
if not held or type(redis.pcall('SETRANGE', KEYS[1], 1, '\1')) == 'table' then redis.call('UNLINK', KEYS[1]) end
if KEYS[2] then
  redis.call('SET', KEYS[2], '')
  redis.call('DEL', KEYS[2])
end
return 1
