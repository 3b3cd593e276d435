-- Gives places to a worker: what another left without a sign of life, then new ones. Returns place, entry, newest write of each.
-- KEYS: queue, writes. ARGV: worker, most, idle (ms).
if redis.call('EXISTS', KEYS[1]) == 0 then return {} end
local most = tonumber(ARGV[2])
local taken = redis.call('XAUTOCLAIM', KEYS[1], 'writers', ARGV[1], ARGV[3], '0-0', 'COUNT', most)[2]
if #taken > 0 then
  -- Whoever left them may be gone; one that is not is known again by its next take.
  for _, c in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], 'writers')) do
    if c[4] == 0 and c[6] >= tonumber(ARGV[3]) then redis.call('XGROUP', 'DELCONSUMER', KEYS[1], 'writers', c[2]) end
  end
end
if #taken < most then
  local new = redis.call('XREADGROUP', 'GROUP', 'writers', ARGV[1], 'COUNT', most - #taken, 'STREAMS', KEYS[1], '>')
  if new then for _, place in ipairs(new[1][2]) do taken[#taken + 1] = place end end
end
local answer = {}
for _, place in ipairs(taken) do
  local write = redis.call('HGET', KEYS[2], place[2][2])
  if write then
    answer[#answer + 1] = place[1]
    answer[#answer + 1] = place[2][2]
    answer[#answer + 1] = write
  else
    redis.call('XACK', KEYS[1], 'writers', place[1])
    redis.call('XDEL', KEYS[1], place[1])
  end
end
return answer
