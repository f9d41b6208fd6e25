-- Reads the last outage of each endpoint.
-- ARGV: 1 now
-- Answers {now, {{breaker, since, until ("" = still away), left, delivered, failed, removed, doubtful, still in the
-- lane}, ...}}.
local rows = {}
local function number(name)
  return redis.call('HGET', outages, name) or '0'
end
for _, name in ipairs(redis.call('HKEYS', outages)) do
  local hold = string.match(name, '^(.*) since$')
  if hold then
    rows[#rows + 1] = {hold, number(name), redis.call('HGET', outages, hold .. ' until') or '', number(hold .. ' left'),
      number(hold .. ' delivered'), number(hold .. ' failed'), number(hold .. ' removed'), number(hold .. ' doubtful'),
      redis.call('ZLEXCOUNT', parked, lane_start(hold), lane_end(hold))}
  end
end
return {whole(now), rows}
