-- Lifts holds, and forgets the strikes of the endpoints named by breakers among them.
-- ARGV: 1 now, then the holds
-- Answers how many were set.
even_when_full()
local lifted = 0
for at = 2, #ARGV do
  local hold = ARGV[at]
  if is_breaker(hold) then
    redis.call('HDEL', strikes, string.sub(hold, 9))
  end
  local till = tonumber(redis.call('ZSCORE', holds, hold) or '')
  if till then
    if till > 0 and redis.call('HEXISTS', outages, hold .. ' since') == 1 then
      redis.call('HSET', outages, hold .. ' until', whole(now))
    end
    end_hold(hold)
    lifted = lifted + 1
  end
end
wake_up()
return lifted
