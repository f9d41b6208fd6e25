-- Removes old dead letters; the records in the database keep the reason.
-- ARGV: 1 now, 2 age (ms), 3 limit
-- Returns how many were removed.
local before = '(' .. whole(now - tonumber(ARGV[2]))
local ids = redis.call('ZRANGEBYSCORE', failed, '-inf', before, 'LIMIT', 0, tonumber(ARGV[3]))
for _, id in ipairs(ids) do
  redis.call('ZREM', failed, id)
  redis.call('HDEL', bodies, id)
  redis.call('HDEL', progress, id)
end
return #ids
