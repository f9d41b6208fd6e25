-- Counts a failure of an endpoint. Enough failures in a row, or the failure of a probe, open its breaker.
-- ARGV: 1 now, 2 endpoint, 3 failures that open it, 4 open ms, 5 token of the attempt, 6 reason for people
-- Returns {1 if the breaker is open now, else 0; how often the endpoint has responded after failures}.
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
  times = OPENED -- from here on it counts failed probes
end
redis.call('HSET', failure_counts, endpoint, whole(times) .. ' ' .. token)
redis.call('PEXPIRE', failure_counts, 86400000) -- forget all after a day without a failure
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
wake_up() -- a sleeping claimer must learn when the breaker is half open
return {1, answers}
