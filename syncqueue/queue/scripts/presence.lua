-- Says where tasks are, for the reconciler.
-- ARGV: 1 now, then the ids
-- Answers for each "absent", "live" or "failed". What cannot be run because its body was lost is absent.
local ids = {unpack(ARGV, 2)}
local answers = states_of(ids)
for i, id in ipairs(ids) do
  local state = answers[i]
  if not state or state ~= 'processing' and redis.call('HEXISTS', bodies, id) == 0 then
    answers[i] = 'absent'
  elseif state ~= 'failed' then
    answers[i] = 'live'
  end
end
return answers
