-- Moves a task to the dead letters; if it has a successor, that one continues instead.
-- ARGV: 1 now, 2 id, 3 token, 4 progress (its last attempt has the reason), 5 bucket and 6 ms of the attempt,
--   7 creation (epoch ms), 8 endpoint that responded or ""
-- Returns 1, or 0 if the token does not own the lease.
local id = ARGV[2]
if not owns_lease(id, ARGV[3]) then
  return 0
end
from_processing(id, ARGV[8])
if not start_successor(id) then
  count_answered(id, ARGV[8], tonumber(ARGV[7]), 'failed')
  redis.call('HSET', progress, id, ARGV[4])
  redis.call('ZADD', failed, whole(now), id)
end
took(ARGV[5], ARGV[6])
count('failed', 1)
redis.call('HSET', counters, 'last_failed_at', whole(now))
keep_sequence()
return 1
