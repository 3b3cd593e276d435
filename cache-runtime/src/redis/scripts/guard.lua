-- Whether the server is the one that the application has seen before. KEYS: guard. ARGV: 'check' or 'set'.
-- The run id is compared and kept in one step with the answer, so that no restart falls in between.
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
if ARGV[1] == 'set' then redis.call('SET', KEYS[1], run) end
if redis.call('GET', KEYS[1]) == run then return 1 end
return 0
