-- Returns for each task "absent", "live" or "failed", for the reconciler. A task without a body cannot run: "absent".
-- ARGV: 1 now, then the ids
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
