-- Sets a hold: the tasks that it applies to wait. A hold that is set is not shortened, unless forced.
-- ARGV: 1 now, 2 hold, 3 duration in ms ("" = until lifted), 4 reason for people, 5 "1" = forced
-- Returns 1.
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
wake_up() -- a sleeping claimer must learn when the hold ends
return 1
