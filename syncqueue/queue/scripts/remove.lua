-- Removes tasks from pending, delayed or failed. With a trash, their bodies are kept there for a while, because they
-- exist in Redis only.
-- The last key: the trash. ARGV: 1 now, 2 state, 3 lifetime of the trash in ms, 0 = no trash, then the ids
-- Returns for each task 1, or 0 if it is not in that state.
even_when_full()
local trash, answers = KEYS[#KEYS], {}
for at = 4, #ARGV do
  local id = ARGV[at]
  local gone = ARGV[2] == 'delayed' and from_delayed(id) or redis.call('ZREM', SETS[ARGV[2]], id) == 1
  if gone then
    if ARGV[3] ~= '0' then
      redis.call('RPUSH', trash, id .. ' ' .. body_of(id))
    end
    redis.call('HDEL', bodies, id)
    redis.call('HDEL', progress, id)
  end
  answers[#answers + 1] = gone and 1 or 0
end
if ARGV[3] ~= '0' then
  redis.call('PEXPIRE', trash, ARGV[3])
end
return answers
