-- Removes old minutes from the history. It has about a week of minutes, so reading all of them is bounded.
-- ARGV: 1 now, 2 age (minutes)
-- Returns how many counts were removed.
local oldest = math.floor(now / 60000) - tonumber(ARGV[2])
local gone = 0
for _, name in ipairs(redis.call('HKEYS', history)) do
  if number(string.match(name, '^%d+')) < oldest then
    gone = gone + redis.call('HDEL', history, name)
  end
end
return gone
