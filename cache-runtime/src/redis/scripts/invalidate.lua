-- Removes a value or a lease; a hold stays and is marked shared (under OOM it goes too). KEYS: data, fence, bare value if it stands apart.
local data, fence, bare = KEYS[1], KEYS[2], KEYS[3]
local call, pcall = redis.call, redis.pcall
if bare then call('UNLINK', bare) end
local held = pcall('GETRANGE', data, '0', '0') == 'H'
if not held or type(pcall('SETRANGE', data, '1', '\1')) == 'table' then call('UNLINK', data) end
if fence then
  call('SET', fence, '')
  call('DEL', fence)
end
return 1
