-- Makes a write the newest of its entry; returns its number, 0 where the journal is full, -1 where it came by a connection that is gone.
-- An entry with a write has one place in the queue. The number is kept under the empty name.
-- KEYS: queue, writes, writer. ARGV: entry, write, number of the connection, most.
if tonumber(redis.call('GET', KEYS[3]) or '0') > tonumber(ARGV[3]) then return -1 end
local known = redis.call('HEXISTS', KEYS[2], ARGV[1]) == 1
if not known and redis.call('HLEN', KEYS[2]) > tonumber(ARGV[4]) then return 0 end
redis.call('SET', KEYS[3], ARGV[3], 'PX', 3600000)
local t = redis.call('TIME')
local number = math.max(tonumber(redis.call('HGET', KEYS[2], '') or '0') + 1, t[1] * 1000000 + t[2])
redis.call('HSET', KEYS[2], '', string.format('%.0f', number), ARGV[1], struct.pack('<I8', number) .. ARGV[2])
if not known then
  if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('XGROUP', 'CREATE', KEYS[1], 'writers', '0', 'MKSTREAM') end
  redis.call('XADD', KEYS[1], '*', 'e', ARGV[1])
end
return number
