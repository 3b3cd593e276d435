-- Kills what stands there and lets nothing be stored; holders add up, and more than one mark the hold shared.
-- Each holder has its own end: who is gone does not stay for as long as others come.
-- KEYS: data, fence, bare value if it stands apart. ARGV: holder, term (ms).
if KEYS[3] then redis.call('UNLINK', KEYS[3]) end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local mine = now + tonumber(ARGV[2])
local shared, others, last = '\0', '', mine
local old = redis.pcall('GET', KEYS[1])
if type(old) == 'string' and string.byte(old, 1) == 72 and #old % 24 == 2 then
  shared = '\1'
  for i = 3, #old, 24 do
    local ends = struct.unpack('<I8', old, i + 16)
    if string.sub(old, i, i + 15) == ARGV[1] then
      shared = string.sub(old, 2, 2)
      mine = math.max(mine, ends)
    elseif ends > now then
      others = others .. string.sub(old, i, i + 23)
    end
    last = math.max(last, ends)
  end
end
redis.call('SET', KEYS[1], 'H' .. shared .. others .. ARGV[1] .. struct.pack('<I8', mine), 'PX', last - now)
if KEYS[2] then
  redis.call('SET', KEYS[2], '')
  redis.call('DEL', KEYS[2])
end
return 1
