-- Takes tasks out of pending, delayed or failed as remove does, but keeps their bodies for a while in a trash of their
-- own, because nothing but Redis knows of them.
-- The last key: the trash. ARGV: 1 now, 2 state, 3 for so many ms, then the ids
-- Answers for each 1, or 0 when it is not in that state.
even_when_full()
local trash = KEYS[#KEYS]
local answers = {}
for at = 4, #ARGV do
  local id, gone = ARGV[at], false
  if ARGV[2] == 'delayed' then
    gone = from_delayed(id)
  else
    gone = redis.call('ZREM', ARGV[2] == 'pending' and queue or failed, id) == 1
  end
  if gone then
    redis.call('RPUSH', trash, id .. ' ' .. (redis.call('HGET', bodies, id) or ''))
    forget(id)
  end
  answers[#answers + 1] = gone and 1 or 0
end
redis.call('PEXPIRE', trash, ARGV[3])
return answers
