-- Leases up to `limit` tasks: promotes due tasks, then takes from the lanes of lifted holds (at most half at first, so
-- that a draining lane does not delay other tasks) and from pending, highest priority first. If the reply is lost, its
-- tasks are recovered when their lease expires.
-- ARGV: 1 now, 2 site id, 3 token, 4 lease ms, 5 limit, 6 probe ms
-- Returns {next time when a task may be claimable (epoch ms, 0 = unknown), 1 if there are holds or failures, ids,
-- bodies, progresses, lanes ("" = not from a lane), now}.
local token, lease_ms, limit, probe_ms = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
even_when_full()
require_own(ARGV[2])

local ids, from_lane = {}, {}
local function take(id, lane)
  ids[#ids + 1] = id
  from_lane[#ids] = lane
end

-- A member whose task is not parked is only removed from the lane: a key was lost, and the task was enqueued again.
local function take_from_lane(hold, most, from)
  local members, found, taken = first_of_lane(hold, most, from), {}, {}
  for i, member in ipairs(members) do
    found[i] = string.sub(member, #hold + 16)
    redis.call('ZREM', parked, member)
  end
  local states, scores = states_of(found)
  for i, id in ipairs(found) do
    local is_parked = states[i] == 'delayed' and tonumber(scores[i]) >= PARKED
    if not taken[id] and (is_parked or not states[i] and redis.call('HEXISTS', bodies, id) == 1) then
      taken[id] = true
      take(id, hold)
    end
    if taken[id] or redis.call('HGET', lanes, id) == hold then
      redis.call('ZREM', delayed, id)
      redis.call('HDEL', lanes, id)
    end
  end
end

-- A half-open breaker lets one of the hundred oldest tasks of its lane through as the probe, after each failure another
-- one: the service may fail because of that task. A breaker with an empty lane is deleted; the next task is its probe.
local function take_probe(hold)
  local before, length = #ids, math.min(lane_length(hold), 100)
  local failures = failures_of(string.sub(hold, 9)) % OPENED
  take_from_lane(hold, 1, length > 0 and failures % length or 0)
  if #ids > before then
    grant_probe(hold, ids[#ids], probe_ms)
  elseif lane_length(hold) == 0 then
    end_outage(hold)
    end_hold(hold)
  end
end

-- Takes an equal number from each lifted hold, beginning with another hold each time. A claim handles a hundred holds.
local function take_from_lanes(most, turn)
  local lifted_count = redis.call('ZCOUNT', holds, '-inf', whole(now))
  local from = lifted_count > 100 and turn * 100 % lifted_count or 0
  local lifted = redis.call('ZRANGEBYSCORE', holds, '-inf', whole(now), 'LIMIT', from, 100)
  for i = 1, #lifted do
    local hold = lifted[(i + turn) % #lifted + 1]
    local share = math.ceil((most - #ids) / (#lifted - i + 1))
    if phase_of(hold) == 'draining' then
      if share > 0 then
        take_from_lane(hold, is_kind(hold, 'share') and 1 or share)
      end
      if share > 0 and is_kind(hold, 'share') and lane_length(hold) > 0 then
        redis.call('ZADD', holds, whole(now + probe_ms), hold)
      else
        end_hold(hold)
      end
    elseif #ids < most or lane_length(hold) == 0 then
      take_probe(hold)
    end
  end
  return lifted_count
end

if not is_paused() then
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', delayed, '-inf', whole(now), 'LIMIT', 0, 1000)) do
    redis.call('ZREM', delayed, id)
    to_pending(id, body_of(id))
  end
  local turn = number(redis.call('HGET', counters, 'turn'))
  take_from_lanes(math.floor((limit + turn % 2) / 2), turn)
  local popped = limit > #ids and redis.call('ZPOPMIN', pending, limit - #ids) or {}
  for at = 1, #popped, 2 do
    take(popped[at], '')
  end
  if take_from_lanes(limit, turn) > 100 or #ids > 0 and redis.call('EXISTS', holds) == 1 then
    redis.call('HSET', counters, 'turn', (turn + 1) % 100000)
  end
end

local found, done = {}, {}
if #ids > 0 then
  found, done = redis.call('HMGET', bodies, unpack(ids)), redis.call('HMGET', progress, unpack(ids))
  local till, leased, marked = whole(now + lease_ms), {}, {}
  for i, id in ipairs(ids) do
    leased[2 * i - 1], leased[2 * i] = till, id
    marked[2 * i - 1], marked[2 * i] = id, '0' .. token
    found[i], done[i] = found[i] or '', done[i] or ''
  end
  redis.call('ZADD', processing, unpack(leased))
  redis.call('HSET', leases, unpack(marked))
end
keep_sequence()
if redis.call('EXISTS', pending) == 1 and not is_paused() then
  wake_up()
end

local phase, next_at = phase_of('pause')
if phase ~= 'set' then -- else nothing is claimable before the pause ends
  local due = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')[2]
  local over = redis.call('ZRANGEBYSCORE', holds, '(' .. whole(now), '(' .. whole(FOREVER), 'WITHSCORES',
    'LIMIT', 0, 1)[2]
  next_at = math.min(tonumber(due or PARKED), tonumber(over or PARKED))
end
local holds_active = redis.call('EXISTS', holds, failure_counts) > 0 and 1 or 0
return {next_at < PARKED and whole(next_at) or '0', holds_active, ids, found, done, from_lane, whole(now)}
