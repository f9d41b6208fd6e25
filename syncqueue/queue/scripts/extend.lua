-- Renews leases and marks the work as begun: an expired lease counts as a crash only after that.
-- ARGV: 1 now, 2 lease ms, 3 a line for each task: id, token
-- Returns for each task 1, or 0 if the token does not own its lease.
even_when_full()
local ids, tokens = {}, {}
for id, token in string.gmatch(ARGV[3], '(%S+) (%S*)') do
  ids[#ids + 1], tokens[#ids + 1] = id, token
end
local answers, renewed, begun = {}, {}, {}
local till, lease_of = whole(now + tonumber(ARGV[2])), leases_of(ids)
for i, id in ipairs(ids) do
  local lease = lease_of[id]
  local owned = lease and string.sub(lease, 2) == tokens[i]
  answers[i] = owned and 1 or 0
  if owned then
    renewed[#renewed + 1], renewed[#renewed + 2] = till, id
    begun[#begun + 1], begun[#begun + 2] = id, '1' .. tokens[i]
  end
end
if #renewed > 0 then
  redis.call('ZADD', processing, unpack(renewed))
  redis.call('HSET', leases, unpack(begun))
end
return answers
