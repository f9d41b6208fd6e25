-- Counts a failure of an endpoint; enough in a row, or one while it is being probed, open its breaker.
-- ARGV: 1 now, 2 endpoint, 3 failures that open it, 4 open ms, 5 token of the attempt, 6 reason in words
-- Answers {1 when the breaker is open now, else 0; how often the endpoint has answered after failures}.
even_when_full()
local endpoint, token = ARGV[2], ARGV[5]
local hold = 'breaker:' .. endpoint
local times, last = failures_of(endpoint)
if last ~= token then
  times = times + 1
end
local phase = phase_of(hold)
local opens = phase or times >= tonumber(ARGV[3])
if opens and times < OPENED then
  times = OPENED -- from here on it counts the probes that failed
end
redis.call('HSET', strikes, endpoint, whole(times) .. ' ' .. token)
redis.call('PEXPIRE', strikes, 86400000) -- a day without a failure: nothing is remembered
local answers = number(redis.call('HGET', counters, 'answers ' .. endpoint))
if not opens then
  return {0, answers}
end
redis.call('HDEL', outages, hold .. ' until')
if not phase or redis.call('HEXISTS', outages, hold .. ' since') == 0 then -- else the same outage goes on
  redis.call('HDEL', outages, hold .. ' delivered', hold .. ' failed', hold .. ' doubtful')
  redis.call('HSET', outages, hold .. ' since', whole(now))
end
redis.call('PEXPIRE', outages, 7 * 86400000)
redis.call('HDEL', probes, hold)
redis.call('ZADD', holds, whole(now + tonumber(ARGV[4])), hold)
set_reason(hold, ARGV[6])
wake_up() -- a claimer that sleeps learns when the breaker lets a probe through
return {1, answers}
