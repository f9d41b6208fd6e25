-- Leases up to `limit` tasks to a consumer: promotes what is due, then takes from the lanes of lifted holds (at most
-- half at first, so that an emptying lane does not keep others waiting) and from pending, highest priority first.
-- ARGV: 1 now, 2 site id, 3 token, 4 lease ms, 5 limit, 6 probe ms
-- Answers {next time something may be claimable (epoch ms, 0 = unknown), 1 when anything is held or striking,
-- ids, bodies, progresses, lanes ("" when not from one), now}.
-- Tasks whose answer was lost on the way come back when their lease runs out.
local token, lease_ms, limit, probe_ms = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
even_when_full()
local refused = foreign(ARGV[2])
if refused then
  return refused
end

local ids, from_lane = {}, {}

local function take(id, lane)
  ids[#ids + 1] = id
  from_lane[#ids] = lane
end

-- Members whose task is somewhere else only leave the lane: a key was lost, and they have been enqueued again since.
local function take_from_lane(hold, most)
  local members = redis.call('ZRANGEBYLEX', parked, lane_start(hold), lane_end(hold), 'LIMIT', 0, most)
  local found, taken = {}, {}
  for i, member in ipairs(members) do
    found[i] = string.sub(member, #hold + 16)
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
  if #members > 0 then
    redis.call('ZREM', parked, unpack(members))
  end
end

-- A half-open breaker lets the oldest of its lane go ahead alone to see.
local function take_probe(hold)
  local before = #ids
  take_from_lane(hold, 1)
  if #ids > before then
    grant_probe(hold, ids[#ids], probe_ms)
  elseif lane_is_empty(hold) then -- nobody waits: the next task that comes is to probe
    note_back(hold)
    redis.call('ZREM', holds, hold)
    redis.call('HDEL', reasons, hold)
  end
end

-- Each lifted hold gets its share, beginning with another one each time.
local function take_from_lanes(most, turn)
  local count = redis.call('ZCOUNT', holds, '-inf', whole(now))
  local from = count > 100 and turn * 100 % count or 0
  local lifted = redis.call('ZRANGEBYSCORE', holds, '-inf', whole(now), 'LIMIT', from, 100)
  for i = 1, #lifted do
    local hold = lifted[(i + turn) % #lifted + 1]
    local share = math.ceil((most - #ids) / (#lifted - i + 1))
    if phase_of(hold) == 'draining' then
      if share > 0 then
        take_from_lane(hold, share)
      end
      end_hold(hold)
    elseif #ids < most or lane_is_empty(hold) then
      take_probe(hold)
    end
  end
end

local function take_from_queue(most)
  if most > 0 then
    local popped = redis.call('ZPOPMIN', queue, most)
    for at = 1, #popped, 2 do
      take(popped[at], '')
    end
  end
end

if not is_paused() then
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', delayed, '-inf', whole(now), 'LIMIT', 0, 1000)) do
    redis.call('ZREM', delayed, id)
    to_pending(id, redis.call('HGET', bodies, id) or '')
  end
  local turn = tonumber(redis.call('HGET', counters, 'turn') or '0')
  take_from_lanes(math.floor((limit + turn % 2) / 2), turn)
  take_from_queue(limit - #ids)
  take_from_lanes(limit, turn)
  if redis.call('EXISTS', holds) == 1 and (#ids > 0 or redis.call('ZCOUNT', holds, '-inf', whole(now)) > 100) then
    redis.call('HSET', counters, 'turn', (turn + 1) % 100000)
  end
end

local found, done = {}, {}
if #ids > 0 then
  found = redis.call('HMGET', bodies, unpack(ids))
  done = redis.call('HMGET', progress, unpack(ids))
  local till = whole(now + lease_ms)
  local leased, marked = {}, {}
  for i, id in ipairs(ids) do
    leased[2 * i - 1], leased[2 * i] = till, id
    marked[2 * i - 1], marked[2 * i] = id, '0' .. token
  end
  redis.call('ZADD', processing, unpack(leased))
  redis.call('HSET', leases, unpack(marked))
  for i = 1, #ids do
    found[i] = found[i] or ''
    done[i] = done[i] or ''
  end
end
keep_tick()
if redis.call('EXISTS', queue) == 1 and not is_paused() then
  wake_up()
end

local next_at = 0
local due = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')
if due[2] and tonumber(due[2]) < PARKED then
  next_at = tonumber(due[2])
end
local lifted = redis.call('ZRANGEBYSCORE', holds, '(' .. whole(now), '(' .. whole(FOREVER), 'WITHSCORES',
  'LIMIT', 0, 1)
if lifted[2] and (next_at == 0 or tonumber(lifted[2]) < next_at) then
  next_at = tonumber(lifted[2])
end
local holds_active = 0
if redis.call('EXISTS', holds) == 1 or redis.call('EXISTS', strikes) == 1 then
  holds_active = 1
end
return {whole(next_at), holds_active, ids, found, done, from_lane, whole(now)}
