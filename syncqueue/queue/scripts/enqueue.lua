-- Puts tasks into pending, or into delayed until they are due. A task with a key replaces the waiting task with that
-- key and keeps its due time; while that task is in processing, the newest one waits as its successor.
-- ARGV: 1 now, 2 site id, then for each task (no id twice): id, "1" with a key, due (epoch ms, 0 = at once), body
-- Returns for each task "new", "replaced", "successor" or "known" (enqueued before).
require_own(ARGV[2])
local ids = {}
for at = 3, #ARGV, 4 do
  ids[#ids + 1] = ARGV[at]
end
local answers, states = {}, states_of(ids)
local added, fields, ready = {}, {}, {} -- new tasks are written together
for i, id in ipairs(ids) do
  local has_key, due, body = ARGV[4 * i] == '1', tonumber(ARGV[4 * i + 1]), ARGV[4 * i + 2]
  if not states[i] then
    added[#added + 1], fields[#fields + 1], fields[#fields + 2] = id, id, body
    if due > now then
      to_delayed(id, due)
    else
      ready[#ready + 1], ready[#ready + 2] = whole(priority_offset(body) + next_in_sequence()), id
    end
    answers[i] = 'new'
  elseif not has_key then
    redis.call('HSETNX', bodies, id, body)
    answers[i] = 'known'
  elseif states[i] == 'processing' then
    redis.call('HSET', successors, id, digits(due) .. body)
    answers[i] = 'successor'
  else
    replace(id, body)
    if states[i] == 'failed' then
      redis.call('ZREM', failed, id)
      redis.call('HDEL', progress, id)
      to_pending_or_delayed(id, body, due)
    end
    answers[i] = 'replaced'
  end
end
if #added > 0 then
  redis.call('HSET', bodies, unpack(fields))
  redis.call('HDEL', progress, unpack(added)) -- left by an earlier task whose state was lost
end
if #ready > 0 then
  redis.call('ZADD', pending, unpack(ready))
end
keep_sequence()
return answers
