-- Puts tasks into pending, or into delayed until they are due. A task with a key takes the place of the one that has
-- the key: its due time stays; while that one is in processing the newest waits behind it.
-- ARGV: 1 now, 2 site id, then for each task: id, "1" when it has a key, due (epoch ms, 0 = at once), body
-- Answers for each: "new", "replaced", "behind" or "known" (sent before).
local answers = {}
local refused = foreign(ARGV[2])
if refused then
  return refused
end
for at = 3, #ARGV, 4 do
  local id, due, body = ARGV[at], tonumber(ARGV[at + 2]), ARGV[at + 3]
  local answer = 'new'
  if redis.call('HSETNX', bodies, id, body) == 1 then
    to_pending_or_delayed(id, body, due)
  elseif ARGV[at + 1] == '0' then
    answer = 'known'
  elseif redis.call('ZSCORE', processing, id) then
    redis.call('HSET', behind, id, string.format('%013.0f', due) .. body)
    answer = 'behind'
  else
    replace(id, body)
    if redis.call('ZREM', failed, id) == 1 then
      redis.call('HDEL', progress, id)
      to_pending_or_delayed(id, body, due)
    end
    answer = 'replaced'
  end
  answers[#answers + 1] = answer
end
keep_tick()
return answers
