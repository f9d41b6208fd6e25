-- Lifts holds, and forgets the strikes of the endpoints named by breakers among them.
-- ARGV: 1 now, then the holds
-- Answers how many were set.
even_when_full()
local lifted = 0
for at = 2, #ARGV do
  local hold = ARGV[at]
  if redis.call('ZSCORE', holds, hold) then
    lifted = lifted + 1
  end
  if is_breaker(hold) then
    endpoint_answered(string.sub(hold, 9))
  elseif phase_of(hold) then
    end_hold(hold)
  end
end
wake_up()
return lifted
