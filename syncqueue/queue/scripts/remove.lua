-- Removes tasks for good from pending, delayed or failed; what is in processing is left alone.
-- ARGV: 1 now, 2 state, then the ids
-- Answers for each 1, or 0 when it is not in that state.
local answers = {}
for at = 3, #ARGV do
  local id, gone = ARGV[at], false
  if ARGV[2] == 'delayed' then
    gone = from_delayed(id)
  else
    gone = redis.call('ZREM', ARGV[2] == 'pending' and queue or failed, id) == 1
  end
  if gone then
    forget(id)
  end
  answers[#answers + 1] = gone and 1 or 0
end
return answers
