-- Reads the holds that are set.
-- ARGV: 1 now
-- Answers {now, {{hold, until, since and reason, parked count}, ...}}.
local rows = {}
local set = redis.call('ZRANGE', holds, 0, 999, 'WITHSCORES')
for at = 1, #set, 2 do
  local hold = set[at]
  rows[#rows + 1] = {hold, set[at + 1], redis.call('HGET', reasons, hold) or '',
    redis.call('ZLEXCOUNT', parked, lane_start(hold), lane_end(hold))}
end
return {whole(now), rows}
