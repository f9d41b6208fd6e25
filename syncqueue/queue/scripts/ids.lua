-- Names the first tasks of a state, oldest (pending: next) first.
-- ARGV: 1 now, 2 state, 3 at most so many
-- Answers the ids.
return redis.call('ZRANGE', SETS[ARGV[2]], 0, tonumber(ARGV[3]) - 1)
