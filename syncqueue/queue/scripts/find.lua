-- Reads one task, wherever it is.
-- ARGV: 1 now, 2 id
-- Answers {state, id, score, body, progress, hold}, or {} when there is none.
local id = ARGV[2]
local state, score = state_of(id)
if not state then
  return {}
end
return {state, id, score, redis.call('HGET', bodies, id) or '', redis.call('HGET', progress, id) or '',
  redis.call('HGET', lanes, id) or ''}
