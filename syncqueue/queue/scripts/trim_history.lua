-- Removes old minutes from the history, and outages that ended as long ago. At most a week of minutes is there, so one
-- look at all is bounded.
-- The last key: one that older releases wrote, and that goes. ARGV: 1 now, 2 age (minutes)
-- Answers how many counts were removed.
local oldest = math.floor(now / 60000) - tonumber(ARGV[2])
local gone = 0
for _, name in ipairs(redis.call('HKEYS', history)) do
  if tonumber(string.match(name, '^%d+')) < oldest then
    gone = gone + redis.call('HDEL', history, name)
  end
end
for _, name in ipairs(redis.call('HKEYS', outages)) do
  local hold = string.match(name, '^(.*) until$')
  if hold and tonumber(redis.call('HGET', outages, name)) < oldest * 60000 then
    redis.call('HDEL', outages, name, hold .. ' since', hold .. ' delivered', hold .. ' failed', hold .. ' doubtful')
  end
end
redis.call('DEL', KEYS[#KEYS])
return gone
