-- Reads the last outage of each endpoint.
-- ARGV: 1 now
-- Answers for each {breaker, since, until ("" = still away), delivered, failed, doubtful, tasks in its lane}.
local rows = {}
for _, name in ipairs(redis.call('HKEYS', outages)) do
  local hold = string.match(name, '^(.*) since$')
  if hold then
    local found = redis.call('HMGET', outages, name, hold .. ' until', hold .. ' delivered', hold .. ' failed',
      hold .. ' doubtful')
    rows[#rows + 1] = {hold, found[1], found[2] or '', found[3] or '0', found[4] or '0', found[5] or '0',
      redis.call('ZLEXCOUNT', parked, lane_start(hold), lane_end(hold))}
  end
end
return rows
