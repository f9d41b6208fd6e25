-- Recovers tasks whose lease has expired. If the work had begun, this counts as a crash; a task with too many crashes
-- becomes a dead letter. First it repairs what a lost Redis key left stuck: leases, lanes and parked tasks.
-- ARGV: 1 now, 2 limit, 3 crashes after which a task fails, 4 text for the history of a crashed task, 5 lease ms
-- Returns {how many were recovered, the ids of the new dead letters}.
if redis.call('HLEN', leases) > redis.call('ZCARD', processing) then
  for _, id in ipairs(redis.call('HKEYS', leases)) do -- otherwise they would never expire
    redis.call('ZADD', processing, 'NX', whole(now + tonumber(ARGV[5])), id)
  end
end
-- All members of parked have the score 0; a foreign member with another one would break the order of the lanes.
redis.call('ZREMRANGEBYSCORE', parked, '-inf', '(0')
redis.call('ZREMRANGEBYSCORE', parked, '(0', '+inf')
local from = '-'
for _ = 1, 1000 do
  local member = redis.call('ZRANGEBYLEX', parked, from, '+', 'LIMIT', 0, 1)[1]
  if not member then
    break
  end
  local hold = string.match(member, '^(.+) %d+ %S+$')
  if hold and redis.call('ZADD', holds, 'NX', 0, hold) == 1 then -- a lane whose hold was lost drains
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
      from_delayed(id) -- it is in no lane
      to_pending(id, body_of(id))
    end
  end
end

local recovered, dead = 0, {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', processing, '-inf', whole(now), 'LIMIT', 0, tonumber(ARGV[2]))) do
  local begun = number(string.sub(redis.call('HGET', leases, id) or '', 1, 1)) == 1
  from_processing(id)
  recovered = recovered + 1
  if not start_successor(id) then
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
