-- Reads one task, wherever it is.
-- ARGV: 1 now, 2 id
-- Answers {state, id, score, body, progress, hold}, or {} when there is none.
local id = ARGV[2]
for _, place in ipairs({{'pending', queue}, {'delayed', delayed}, {'processing', processing}, {'failed', failed}}) do
  local score = redis.call('ZSCORE', place[2], id)
  if score then
    return {place[1], id, score, redis.call('HGET', bodies, id) or '', redis.call('HGET', progress, id) or '',
      redis.call('HGET', lanes, id) or ''}
  end
end
return {}
