-- Sets a hold: the tasks it applies to wait. A shorter time does not shorten one that is set, unless forced.
-- ARGV: 1 now, 2 hold, 3 for so many ms ("" = until lifted), 4 reason in words, 5 "1" = forced
-- Answers 1.
even_when_full()
local hold = ARGV[2]
local till = ARGV[3] == '' and FOREVER or now + tonumber(ARGV[3])
local _, old = phase_of(hold)
if ARGV[5] == '1' or till > (old or 0) then
  redis.call('ZADD', holds, whole(till), hold)
end
if ARGV[4] ~= '' then
  set_reason(hold, ARGV[4])
end
wake_up() -- a claimer that sleeps learns when the hold ends
return 1
