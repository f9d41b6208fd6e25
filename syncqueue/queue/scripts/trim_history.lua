-- Removes old minutes from the history. At most a week of minutes is there, so one look at all is bounded.
-- The last key: one that older releases wrote, and that goes. ARGV: 1 now, 2 age (minutes)
-- Answers how many counts were removed.
local oldest = math.floor(now / 60000) - tonumber(ARGV[2])
local gone = 0
for _, name in ipairs(redis.call('HKEYS', history)) do
  if number(string.match(name, '^%d+')) < oldest then
    gone = gone + redis.call('HDEL', history, name)
  end
end
redis.call('DEL', KEYS[#KEYS])
return gone
