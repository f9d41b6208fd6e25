-- Returns the ids of the first tasks of a state, oldest (pending: next) first.
-- ARGV: 1 now, 2 state, 3 limit
return redis.call('ZRANGE', SETS[ARGV[2]], 0, tonumber(ARGV[3]) - 1)
