-- Takes tasks back whose lease ran out. Where the work had begun this counts as a crash of the worker; a task that has
-- crashed `most` workers goes to the dead letters with that reason.
-- ARGV: 1 now, 2 at most so many, 3 most crashes, 4 what to write into the history of a crashed task, 5 lease ms
-- Answers {how many were recovered, the ids that went to the dead letters}.
-- Where a key was lost alone, what is left of a task may have no way out any more: it is given one.

-- Leases that nobody would see run out get one more lease.
if redis.call('HLEN', leases) > redis.call('ZCARD', processing) then
  for _, id in ipairs(redis.call('HKEYS', leases)) do
    redis.call('ZADD', processing, 'NX', whole(now + tonumber(ARGV[5])), id)
  end
end

-- Lanes whose hold is gone may leave.
local from = '-'
for _ = 1, 1000 do
  local member = redis.call('ZRANGEBYLEX', parked, from, '+', 'LIMIT', 0, 1)[1]
  if not member then
    break
  end
  local hold = string.match(member, '^(.+) %d+ %S+$')
  if redis.call('ZADD', holds, 'NX', 0, hold) == 1 then
    wake_up()
  end
  from = lane_end(hold)
end

-- Parked tasks that stand in no lane are pending again.
local parked_count = redis.call('ZCOUNT', delayed, whole(PARKED), '+inf')
if parked_count ~= redis.call('ZCARD', parked) or parked_count ~= redis.call('HLEN', lanes) then
  local found = redis.call('ZRANGEBYSCORE', delayed, whole(PARKED), '+inf', 'WITHSCORES', 'LIMIT', 0, 1000)
  for at = 1, #found, 2 do
    local id, hold = found[at], redis.call('HGET', lanes, found[at])
    if not hold or not redis.call('ZSCORE', parked, lane_member(hold, tonumber(found[at + 1]) - PARKED, id)) then
      redis.call('ZREM', delayed, id)
      redis.call('HDEL', lanes, id)
      to_pending(id, redis.call('HGET', bodies, id) or '')
    end
  end
end

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
