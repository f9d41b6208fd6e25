-- Puts keyed tasks directly into processing under a lease of the caller, which attempts them itself. A task whose key
-- is in use goes where enqueue would put it; a task that a hold applies to is parked; while the service is paused, all
-- go to pending.
-- ARGV: 1 now, 2 site id, 3 token, 4 lease ms, 5 probe ms,
--       then for each task: id, body, creation (epoch ms), number of hold names, the names
-- Returns 1 if there are holds or failures, else 0; then for each task "leased", "pending", "parked", "successor" or
-- "replaced".
local token, lease_ms, probe_ms = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
require_own(ARGV[2])
local answers, at = {0}, 6
while at <= #ARGV do
  local id, body, created, named = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local names = {unpack(ARGV, at + 4, at + 3 + named)}
  at = at + 4 + named
  local answer, state = 'leased', state_of(id)
  if state == 'processing' then
    if not owns_lease(id, token) then -- else this call is a repetition
      redis.call('HSET', successors, id, digits(0) .. body)
      answer = 'successor'
    end
  elseif state == 'pending' or state == 'delayed' then
    replace(id, body)
    answer = 'replaced'
  else
    redis.call('HSET', bodies, id, body)
    redis.call('ZREM', failed, id)
    redis.call('HDEL', progress, id)
    local hold = not is_paused() and blocking_hold(id, names, '', created, probe_ms)
    if is_paused() then
      to_pending(id, body)
      answer = 'pending'
    elseif hold then
      to_parked(id, hold, created)
      answer = 'parked'
    else
      redis.call('ZADD', processing, whole(now + lease_ms), id)
      redis.call('HSET', leases, id, '1' .. token)
    end
  end
  answers[#answers + 1] = answer
end
answers[1] = redis.call('EXISTS', holds, failure_counts) > 0 and 1 or 0
keep_sequence()
return answers
