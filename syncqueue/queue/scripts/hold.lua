-- Sets a hold: the tasks it applies to wait. A shorter time does not shorten one that is set, unless forced.
-- ARGV: 1 now, 2 hold, 3 for so many ms ("" = until lifted), 4 reason in words, 5 "1" = forced
-- Answers 1.
even_when_full()
local hold = ARGV[2]
local till = ARGV[3] == '' and whole(FOREVER) or whole(now + tonumber(ARGV[3]))
local set = redis.call('ZSCORE', holds, hold)
if ARGV[5] == '1' or not set or ARGV[3] == '' or tonumber(set) < tonumber(till) then
  redis.call('ZADD', holds, till, hold)
end
if ARGV[4] ~= '' then
  set_reason(hold, ARGV[4])
end
wake_up() -- a claimer that sleeps learns when the hold ends
return 1
