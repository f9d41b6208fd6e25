-- Counts a network failure of an endpoint; enough in a row, or one while it is being probed, open its breaker.
-- ARGV: 1 now, 2 endpoint, 3 failures that open it, 4 open ms, 5 token of the attempt, 6 reason in words
-- Answers 1 when the breaker is open now, else 0.
even_when_full()
local endpoint, token = ARGV[2], ARGV[5]
local hold = 'breaker:' .. endpoint
local struck = redis.call('HGET', strikes, endpoint)
local times = 0
local last = ''
if struck then
  times, last = string.match(struck, '^(%d+) (.*)$')
  times = tonumber(times)
end
if last ~= token then
  times = times + 1
  redis.call('HSET', strikes, endpoint, whole(times) .. ' ' .. token)
end
local set = tonumber(redis.call('ZSCORE', holds, hold) or '')
if times >= tonumber(ARGV[3]) or set then
  if not set or not redis.call('HGET', outages, hold .. ' since') then
    for _, what in ipairs({'until', 'left', 'delivered', 'failed', 'removed', 'doubtful'}) do
      redis.call('HDEL', outages, hold .. ' ' .. what)
    end
    redis.call('HSET', outages, hold .. ' since', whole(now))
  elseif set == 0 then -- away again while its lane is still leaving: the same outage goes on
    redis.call('HDEL', outages, hold .. ' until')
  end
  redis.call('ZADD', holds, whole(now + tonumber(ARGV[4])), hold)
  set_reason(hold, ARGV[6])
  wake_up() -- a claimer that sleeps learns when the breaker lets a probe through
  return 1
end
return 0
