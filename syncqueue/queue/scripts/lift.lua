-- Lifts holds; for breakers it also resets the failure count.
-- ARGV: 1 now, then the holds
-- Returns how many were set.
even_when_full()
local lifted = 0
for at = 2, #ARGV do
  local hold = ARGV[at]
  lifted = lifted + (redis.call('ZSCORE', holds, hold) and 1 or 0)
  if is_kind(hold, 'breaker') then
    endpoint_answered(string.sub(hold, 9))
  elseif phase_of(hold) then
    end_hold(hold)
  end
end
wake_up()
return lifted
