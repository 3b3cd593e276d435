-- Stores and tells the newest state of a channel, or its end; returns its number.
-- A publication that a later one of its publisher has overtaken changes nothing.
-- KEYS: record. ARGV: a fresh run, publisher, publication, state, ms that an end is remembered ('0' = no end).
local old = redis.call('GET', KEYS[1])
local run, number, state, ended = ARGV[1], 0, ARGV[4], ARGV[5] ~= '0'
if old then
  local known = struct.unpack('<I8', old, 10)
  if string.sub(old, 18, 33) == ARGV[2] and struct.unpack('<I8', old, 34) >= tonumber(ARGV[3]) then return known end
  if string.byte(old, 1) == 0 then
    run, number = string.sub(old, 2, 9), known
    if ended then state = string.sub(old, 42) end
  end
end
if not ended then number = number + 1 end
local record = (ended and '\1' or '\0') .. run .. struct.pack('<I8', number) .. ARGV[2] .. struct.pack('<I8', ARGV[3]) .. state
if ended then redis.call('SET', KEYS[1], record, 'PX', ARGV[5]) else redis.call('SET', KEYS[1], record) end
redis.call('PUBLISH', KEYS[1], record)
return number
