-- Moves tasks from delayed to pending: those that are due, or the ones named (a person said "run now").
-- ARGV: 1 now, 2 at most so many, then the ids (none: those that are due)
-- Answers how many.
local ids = {}
for at = 3, #ARGV do
  ids[#ids + 1] = ARGV[at]
end
if #ids == 0 then
  ids = redis.call('ZRANGEBYSCORE', delayed, '-inf', whole(now), 'LIMIT', 0, tonumber(ARGV[2]))
end
local moved = 0
for _, id in ipairs(ids) do
  if from_delayed(id) then
    to_pending(id, redis.call('HGET', bodies, id) or '')
    moved = moved + 1
  end
end
keep_tick()
return moved
