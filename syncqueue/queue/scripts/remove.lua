-- Removes tasks from pending, delayed or failed; what is in processing is left alone. Their bodies are kept for a while
-- in a trash, where one is named, because nothing but Redis knows of them.
-- The last key: the trash. ARGV: 1 now, 2 state, 3 for so many ms, 0 = no trash, then the ids
-- Answers for each 1, or 0 when it is not in that state.
even_when_full()
local trash, answers = KEYS[#KEYS], {}
for at = 4, #ARGV do
  local id, gone = ARGV[at], false
  if ARGV[2] == 'delayed' then
    gone = from_delayed(id)
  else
    gone = redis.call('ZREM', SETS[ARGV[2]], id) == 1
  end
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
