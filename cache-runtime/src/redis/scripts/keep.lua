-- A sign of life for places; tells of each whether it is still the worker's. KEYS: queue. ARGV: worker, places.
local mine = {}
for i = 2, #ARGV do
  local place = redis.call('XPENDING', KEYS[1], 'writers', ARGV[i], ARGV[i], 1)[1]
  mine[i - 1] = 0
  if place and place[2] == ARGV[1] then
    redis.call('XCLAIM', KEYS[1], 'writers', ARGV[1], 0, ARGV[i], 'JUSTID')
    mine[i - 1] = 1
  end
end
return mine
