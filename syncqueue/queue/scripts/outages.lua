-- Reads the last outage of each endpoint.
-- ARGV: 1 now
-- Returns for each {breaker, since, until ("" = not over), delivered, failed, doubtful, tasks in its lane}.
local rows = {}
for _, name in ipairs(redis.call('HKEYS', outages)) do
  local hold = string.match(name, '^(.*) since$')
  if hold then
    local row = redis.call('HMGET', outages, name, hold .. ' until', hold .. ' delivered', hold .. ' failed',
      hold .. ' doubtful')
    rows[#rows + 1] = {hold, row[1], row[2] or '', row[3] or '0', row[4] or '0', row[5] or '0', lane_length(hold)}
  end
end
return rows
