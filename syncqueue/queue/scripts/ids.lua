-- Names the first tasks of a state, oldest (pending: next) first.
-- ARGV: 1 now, 2 state, 3 at most so many
-- Answers the ids.
local sets = {pending = queue, delayed = delayed, processing = processing, failed = failed}
return redis.call('ZRANGE', sets[ARGV[2]], 0, tonumber(ARGV[3]) - 1)
