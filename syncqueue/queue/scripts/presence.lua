-- Says where tasks are, for the reconciler.
-- ARGV: 1 now, then the ids
-- Answers for each "absent", "live" or "failed".
local answers = {}
for at = 2, #ARGV do
  local id = ARGV[at]
  if redis.call('ZSCORE', failed, id) then
    answers[#answers + 1] = 'failed'
  else
    answers[#answers + 1] = redis.call('HEXISTS', bodies, id) == 1 and 'live' or 'absent'
  end
end
return answers
