-- Ends a hold, by a value if one is given and the holder was alone all the time; returns whether it was stored.
-- What is no hold (mine had lapsed and someone filled) is removed; a hold without me is marked shared (under OOM both go).
-- Others stay until their own ends. A bare value that somebody else wrote under the hold goes, and forbids the holder's: nobody knows
-- which is newer. KEYS: data, fence, bare value if it stands apart. ARGV: holder, entry ('' = none), ttl (ms, '0' = for ever), bare value.
local foreign = KEYS[3] and redis.call('PTTL', KEYS[3]) ~= -2
if foreign then redis.call('UNLINK', KEYS[3]) end
local old = redis.pcall('GET', KEYS[1])
local done, stored = false, 0
if type(old) == 'string' and string.byte(old, 1) == 72 and #old % 24 == 2 then
  local t = redis.call('TIME')
  local now = t[1] * 1000 + math.floor(t[2] / 1000)
  local rest, last, found = '', now, false
  for i = 3, #old, 24 do
    local ends = struct.unpack('<I8', old, i + 16)
    if string.sub(old, i, i + 15) == ARGV[1] then
      found = true
    elseif ends > now then
      rest = rest .. string.sub(old, i, i + 23)
      last = math.max(last, ends)
    end
  end
  local r
  if not found then
    r = redis.pcall('SETRANGE', KEYS[1], '1', '\1')
  elseif rest ~= '' then
    r = redis.pcall('SET', KEYS[1], string.sub(old, 1, 2) .. rest, 'PX', last - now)
  elseif ARGV[2] ~= '' and string.byte(old, 2) == 0 and not foreign then
    local ends = string.format('%.0f', now + ARGV[3])
    if ARGV[3] == '0' then r = redis.pcall('SET', KEYS[1], ARGV[2]) else r = redis.pcall('SET', KEYS[1], ARGV[2], 'PXAT', ends) end
    if KEYS[3] and not r.err then
      if ARGV[3] == '0' then r = redis.pcall('SET', KEYS[3], ARGV[4]) else r = redis.pcall('SET', KEYS[3], ARGV[4], 'PXAT', ends) end
    end
    if not r.err then stored = 1 end
  end
  done = r ~= nil and not (type(r) == 'table' and r.err)
end
if not done then redis.call('UNLINK', KEYS[1]) end
if KEYS[2] then
  redis.call('SET', KEYS[2], '')
  redis.call('DEL', KEYS[2])
end
return stored
