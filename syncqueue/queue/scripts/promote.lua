-- Moves due tasks, or the tasks with the given ids ("run now"), from delayed to pending. A rate limit behind which a
-- given task was parked ends too: otherwise nobody could end a limit that a service has set for a day.
-- ARGV: 1 now, 2 limit, then the ids (none: due tasks)
-- Returns how many were moved.
local ids, moved = {unpack(ARGV, 3)}, 0
if #ids == 0 then
  ids = redis.call('ZRANGEBYSCORE', delayed, '-inf', whole(now), 'LIMIT', 0, tonumber(ARGV[2]))
end
for _, id in ipairs(ids) do
  local hold = redis.call('HGET', lanes, id)
  if from_delayed(id) then
    to_pending(id, body_of(id))
    moved = moved + 1
    if hold and is_kind(hold, 'rate') then
      end_hold(hold)
    end
  end
end
keep_sequence()
return moved
