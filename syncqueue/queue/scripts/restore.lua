-- Moves tasks from a trash of `remove` to pending or failed, oldest first. It drops a task whose id exists again,
-- because that one is newer.
-- The last key: the trash. ARGV: 1 now, 2 site id, 3 limit, 4 state
-- Returns {how many were restored, how many are left in the trash}.
local trash, moved = KEYS[#KEYS], 0
require_own(ARGV[2])
for _, line in ipairs(redis.call('LPOP', trash, ARGV[3]) or {}) do
  local id, body = string.match(line, '^(%S+) (.*)$')
  if id and not state_of(id) then
    redis.call('HSET', bodies, id, body)
    if ARGV[4] == 'failed' then
      redis.call('ZADD', failed, whole(now), id)
    else
      to_pending(id, body)
    end
    moved = moved + 1
  end
end
keep_sequence()
return {moved, redis.call('LLEN', trash)}
