-- Ends places that are still the worker's; an entry that was written again meanwhile gets a new one.
-- KEYS: queue, writes. ARGV: worker, then place, entry, number of the write that its source has.
for i = 2, #ARGV, 3 do
  local place = redis.call('XPENDING', KEYS[1], 'writers', ARGV[i], ARGV[i], 1)[1]
  if place and place[2] == ARGV[1] then
    local write = redis.call('HGET', KEYS[2], ARGV[i + 1])
    if write then
      if string.format('%.0f', struct.unpack('<I8', write)) == ARGV[i + 2] then
        redis.call('HDEL', KEYS[2], ARGV[i + 1])
      else
        redis.call('XADD', KEYS[1], '*', 'e', ARGV[i + 1])
      end
    end
    redis.call('XACK', KEYS[1], 'writers', ARGV[i])
    redis.call('XDEL', KEYS[1], ARGV[i])
  end
end
return 1
