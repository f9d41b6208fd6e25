-- Takes tasks back whose lease ran out. Where the work had begun this counts as a crash of the worker; a task that has
-- crashed `most` workers goes to the dead letters with that reason.
-- ARGV: 1 now, 2 at most so many, 3 most crashes, 4 what to write into the history of a crashed task
-- Answers {how many were recovered, the ids that went to the dead letters}.
local recovered, dead = 0, {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', processing, '-inf', whole(now), 'LIMIT', 0, tonumber(ARGV[2]))) do
  local begun = has_begun(id)
  from_processing(id)
  local body, due = take_behind(id)
  recovered = recovered + 1
  if body then
    to_pending_or_delayed(id, body, due)
  else
    body = redis.call('HGET', bodies, id) or ''
    local crashes = 0
    if begun then
      local read, done = pcall(cjson.decode, redis.call('HGET', progress, id) or '{}')
      if not read or type(done) ~= 'table' then
        done = {}
      end
      crashes = (tonumber(done.crashes) or 0) + 1
      done.crashes = crashes
      done.attempts = tonumber(done.attempts) or 0
      done.history = type(done.history) == 'table' and done.history or {}
      table.insert(done.history, {at = now, seconds = 0, outcome = 'lost', error = ARGV[4]})
      if #done.history > 10 then
        table.remove(done.history, 1)
      end
      redis.call('HSET', progress, id, cjson.encode(done))
    end
    if crashes >= tonumber(ARGV[3]) then
      note_end(id, 'failed')
      redis.call('ZADD', failed, whole(now), id)
      dead[#dead + 1] = id
    else
      to_pending(id, body)
    end
  end
end
if #dead > 0 then
  count('failed', #dead)
  redis.call('HSET', counters, 'last_failed_at', whole(now))
end
keep_tick()
return {recovered, dead}
