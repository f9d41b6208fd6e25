-- Renews leases, and marks the work as begun: only then does a lease that runs out count as a crash.
-- ARGV: 1 now, 2 lease ms, 3 a line for each task: id, token
-- Answers for each 1, or 0 when the token does not hold it.
even_when_full()
local ids, tokens = {}, {}
for id, token in string.gmatch(ARGV[3], '(%S+) (%S*)') do
  ids[#ids + 1], tokens[#ids + 1] = id, token
end
local lease_of = leases_of(ids)
local answers, renewed, begun = {}, {}, {}
local till = whole(now + tonumber(ARGV[2]))
for i, id in ipairs(ids) do
  local lease = lease_of[id]
  local held = lease and string.sub(lease, 2) == tokens[i]
  answers[i] = held and 1 or 0
  if held then
    renewed[#renewed + 1] = till
    renewed[#renewed + 1] = id
    local digit = tonumber(string.sub(lease, 1, 1))
    if digit % 2 == 0 then
      begun[#begun + 1] = id
      begun[#begun + 1] = digit + 1 .. tokens[i]
    end
  end
end
if #renewed > 0 then
  redis.call('ZADD', processing, unpack(renewed))
end
if #begun > 0 then
  redis.call('HSET', leases, unpack(begun))
end
return answers
