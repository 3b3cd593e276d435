-- Kills what stands there and lets nothing be stored; holders add up, and more than one mark the hold shared.
-- KEYS: data, fence. ARGV: holder, term (ms).
local ms = tonumber(ARGV[2])
local v = 'H\0' .. ARGV[1]
local old = redis.pcall('GET', KEYS[1])
if type(old) == 'string' and string.byte(old, 1) == 72 then
  local found = false
  for i = 3, #old, 16 do if string.sub(old, i, i + 15) == ARGV[1] then found = true end end
  v = found and old or ('H\1' .. string.sub(old, 3) .. ARGV[1])
  ms = math.max(ms, redis.call('PTTL', KEYS[1]))
end
redis.call('SET', KEYS[1], v, 'PX', ms)
redis.call('SET', KEYS[2], '')
redis.call('DEL', KEYS[2])
return 1
