-- Parks pending tasks behind a hold, as if each had been claimed and not admitted.
-- ARGV: 1 now, 2 hold, then for each task: id, creation (epoch ms)
-- Returns how many were pending.
even_when_full()
local count = 0
for at = 3, #ARGV, 2 do
  if redis.call('ZREM', pending, ARGV[at]) == 1 then
    to_parked(ARGV[at], ARGV[2], tonumber(ARGV[at + 1]))
    count = count + 1
  end
end
return count
