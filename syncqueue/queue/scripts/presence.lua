-- Says where tasks are, for the reconciler.
-- ARGV: 1 now, then the ids
-- Answers for each "absent", "live" or "failed". What cannot be run because its body was lost is absent.
local ids = {unpack(ARGV, 2)}
local answers = states_of(ids)
local found = #ids > 0 and redis.call('HMGET', bodies, unpack(ids)) or {}
for i = 1, #ids do
  local state = answers[i]
  if not state or not found[i] and state ~= 'processing' then
    answers[i] = 'absent'
  elseif state ~= 'failed' then
    answers[i] = 'live'
  end
end
return answers
