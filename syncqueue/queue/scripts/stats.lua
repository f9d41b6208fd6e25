-- Reads all figures of a service at one moment.
-- ARGV: 1 now
-- Returns {now, pending, delayed, processing, failed, {counter, value, ...}, ready time of the oldest pending task
-- (epoch ms, 0 = none), 1 if paused, the phases of its breakers}.
local oldest
for digit = 0, 2 do
  local first = redis.call('ZRANGEBYSCORE', pending, whole(digit * PRIORITY), '(' .. whole((digit + 1) * PRIORITY),
    'WITHSCORES', 'LIMIT', 0, 1)[2]
  if first then
    oldest = math.min(oldest or PARKED, math.floor((tonumber(first) - digit * PRIORITY) / 100))
  end
end
local phases = {}
for _, hold in ipairs(redis.call('ZRANGE', holds, 0, 999)) do
  if is_kind(hold, 'breaker') then
    phases[#phases + 1] = phase_of(hold)
  end
end
return {whole(now), redis.call('ZCARD', pending), redis.call('ZCARD', delayed), redis.call('ZCARD', processing),
  redis.call('ZCARD', failed), redis.call('HGETALL', counters), whole(oldest or 0), is_paused() and 1 or 0, phases}
