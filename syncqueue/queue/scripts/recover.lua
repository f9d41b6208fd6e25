-- Takes tasks back whose lease ran out. Where the work had begun this counts as a crash of the worker; a task that has
-- crashed `most` workers goes to the dead letters with that reason. Where a key was lost alone, what is left of a task
-- may have no way out any more: it is given one.
-- ARGV: 1 now, 2 at most so many, 3 most crashes, 4 what to write into the history of a crashed task, 5 lease ms
-- Answers {how many were recovered, the ids that went to the dead letters}.
if redis.call('HLEN', leases) > redis.call('ZCARD', processing) then
  for _, id in ipairs(redis.call('HKEYS', leases)) do -- nobody would see them run out
    redis.call('ZADD', processing, 'NX', whole(now + tonumber(ARGV[5])), id)
  end
end
-- A member of another score would put the lanes out of their order: none is ours.
redis.call('ZREMRANGEBYSCORE', parked, '-inf', '(0')
redis.call('ZREMRANGEBYSCORE', parked, '(0', '+inf')
local from = '-'
for _ = 1, 1000 do
  local member = redis.call('ZRANGEBYLEX', parked, from, '+', 'LIMIT', 0, 1)[1]
  if not member then
    break
  end
  local hold = string.match(member, '^(.+) %d+ %S+$')
  if hold and redis.call('ZADD', holds, 'NX', 0, hold) == 1 then -- a lane whose hold is gone may leave
    wake_up()
  end
  from = hold and lane_end(hold) or '(' .. member
end
local parked_count = redis.call('ZCOUNT', delayed, whole(PARKED), '+inf')
if parked_count ~= redis.call('ZCARD', parked) or parked_count ~= redis.call('HLEN', lanes) then
  local found = redis.call('ZRANGEBYSCORE', delayed, whole(PARKED), '+inf', 'WITHSCORES', 'LIMIT', 0, 1000)
  for at = 1, #found, 2 do
    local id, created = found[at], found[at + 1] - PARKED
    if not redis.call('ZSCORE', parked, lane_member(redis.call('HGET', lanes, id) or '', created, id)) then
      from_delayed(id) -- it stands in no lane
      to_pending(id, body_of(id))
    end
  end
end

local recovered, dead = 0, {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', processing, '-inf', whole(now), 'LIMIT', 0, tonumber(ARGV[2]))) do
  local begun = number(string.sub(redis.call('HGET', leases, id) or '', 1, 1)) % 2 == 1
  from_processing(id)
  local body, due = take_successor(id)
  recovered = recovered + 1
  if body then
    to_pending_or_delayed(id, body, due)
  else
    local crashes = 0
    if begun then
      local done = read_progress(id)
      crashes = number(done.crashes) + 1
      done.crashes, done.attempts = crashes, number(done.attempts)
      table.insert(done.history, {at = now, seconds = 0, outcome = 'lost', error = ARGV[4]})
      if #done.history > 10 then
        table.remove(done.history, 1)
      end
      redis.call('HSET', progress, id, cjson.encode(done))
    end
    if crashes >= tonumber(ARGV[3]) then
      redis.call('ZADD', failed, whole(now), id)
      dead[#dead + 1] = id
    else
      to_pending(id, body_of(id))
    end
  end
end
if #dead > 0 then
  count('failed', #dead)
  redis.call('HSET', counters, 'last_failed_at', whole(now))
end
keep_sequence()
return {recovered, dead}
