-- Moves tasks from delayed to pending: those that are due, or the ones named (a person said "run now"). The rate limits
-- that named tasks were parked behind end with it: nobody else could end one that a service has set for a day.
-- ARGV: 1 now, 2 at most so many, then the ids (none: those that are due)
-- Answers how many.
local ids, moved = {unpack(ARGV, 3)}, 0
if #ids == 0 then
  ids = redis.call('ZRANGEBYSCORE', delayed, '-inf', whole(now), 'LIMIT', 0, tonumber(ARGV[2]))
end
for _, id in ipairs(ids) do
  local hold = redis.call('HGET', lanes, id)
  if from_delayed(id) then
    to_pending(id, body_of(id))
    moved = moved + 1
    if hold and is_rate(hold) then
      end_hold(hold)
    end
  end
end
keep_sequence()
return moved
