-- Delays a task until it is due, or parks it behind a hold; if it has a successor, that one continues instead.
-- ARGV: 1 now, 2 id, 3 token, 4 due (epoch ms; +n: in n ms), 5 progress, 6 hold or "", 7 creation (epoch ms),
--   8 bucket and 9 ms of the attempt, 10 endpoint that responded or ""
-- Returns 1, or 0 if the token does not own the lease.
local id, hold = ARGV[2], ARGV[6]
if not owns_lease(id, ARGV[3]) then
  return 0
end
from_processing(id, ARGV[10])
local body, due = take_successor(id)
if not body then
  redis.call('HSET', progress, id, ARGV[5])
end
if hold ~= '' and not (body and due > now) then
  to_parked(id, hold, tonumber(ARGV[7]))
elseif body then
  to_pending_or_delayed(id, body, due)
else
  local from = string.sub(ARGV[4], 1, 1) == '+' and now or 0
  to_delayed(id, from + tonumber(string.match(ARGV[4], '%d+')))
end
took(ARGV[8], ARGV[9])
if not is_kind(hold, 'breaker') then -- waiting for an endpoint does not count as a retry
  count('retried', 1)
end
keep_sequence()
return 1
