-- The beginning of every script: locals for the keys (queue/keys.py: ORDER) and the moves that several scripts share.
-- ARGV[1]: the time in epoch ms, empty: Redis TIME. Each script documents its further arguments from ARGV[2].
-- All scripts but claim are idempotent for the same arguments. Moves out of processing check the token.
local pending, delayed, processing, failed, bodies, progress, leases, successors, counters, history, wake, holds,
  reasons, failure_counts, parked, lanes, site, outages, probes = unpack(KEYS, 1, 19)

local PRIORITY = 1e15 -- between priorities in the scores of pending
local PARKED = 1e15   -- delayed: scores from here on belong to parked tasks
local FOREVER = 9e15  -- the end of a hold that is set until it is lifted
local OPENED = 1e6    -- offset of the failure count of an endpoint whose breaker has opened

local now
if ARGV[1] ~= '' then
  now = tonumber(ARGV[1])
else
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local function whole(number)
  return string.format('%.0f', number)
end

-- Another version or a person may have written the value: a malformed number counts as 0.
local function number(text)
  local found = tonumber(text or '')
  return found and found > -1e15 and found < 1e15 and math.floor(found) or 0
end

local function add(key, field, times)
  local answer = redis.pcall('HINCRBY', key, field, times)
  if type(answer) == 'table' and answer.err then
    redis.call('HSET', key, field, times)
  end
end

local function digits(ms)
  return string.format('%013.0f', ms)
end

-- Ends the script with an error if another database has stamped the queue; stamps a queue without a stamp.
local function require_own(site_id)
  local stamp = redis.call('GET', site)
  if not stamp then
    redis.call('SET', site, site_id)
  elseif stamp ~= site_id then
    error('FOREIGNQUEUE ' .. stamp)
  end
end

-- At `maxmemory` Redis rejects a script whose first write needs memory, but not one whose first write frees memory.
-- Scripts that move or end work call this first, so that a full queue can still be emptied.
local function even_when_full()
  redis.call('HDEL', counters, '')
end

local function wake_up()
  if redis.call('LLEN', wake) == 0 then
    redis.call('LPUSH', wake, '1')
  end
end

local function count(what, times)
  add(counters, what, times)
  add(history, whole(math.floor(now / 60000)) .. ' ' .. what, times)
end

-- Counts the duration of an attempt for the metrics: its bucket (upper bound in ms, "" = unknown) and milliseconds.
local function took(bucket, ms)
  if bucket ~= '' then
    add(counters, 'took ' .. bucket, 1)
    add(counters, 'took_ms', ms)
  end
end

-- Ready times are unique, so that tasks of one millisecond keep their order.
local sequence
local function next_in_sequence()
  sequence = 1 + (sequence or math.max(now * 100, number(redis.call('HGET', counters, 'tick'))))
  return sequence
end

local function keep_sequence()
  if sequence then
    redis.call('HSET', counters, 'tick', whole(sequence))
    wake_up()
  end
end

local function body_of(id)
  return redis.call('HGET', bodies, id) or ''
end

local function priority_offset(body)
  local digit = tonumber(string.sub(body, 2, 2))
  return (digit and digit <= 2 and digit or 1) * PRIORITY
end

local function to_pending(id, body)
  redis.call('ZADD', pending, whole(priority_offset(body) + next_in_sequence()), id)
end

local function to_delayed(id, due)
  redis.call('ZADD', delayed, whole(due), id)
  if redis.call('ZRANK', delayed, id) == 0 then
    wake_up()
  end
end

local function to_pending_or_delayed(id, body, due)
  if due > now then
    to_delayed(id, due)
  else
    to_pending(id, body)
  end
end

-- Returns the states of tasks and their scores; nil for unknown tasks. These four keys decide where a task is, not
-- bodies, lanes or leases. One exception: a lease without an entry in processing (that key was lost) counts as
-- processing, because its owner may be at work.
local SETS = {failed = failed, pending = pending, delayed = delayed, processing = processing}
local function states_of(ids)
  local states, scores = {}, {}
  for _, state in ipairs(#ids > 0 and {'failed', 'pending', 'delayed', 'processing'} or {}) do
    for i, score in ipairs(redis.call('ZMSCORE', SETS[state], unpack(ids))) do
      if score then
        states[i], scores[i] = state, score
      end
    end
  end
  for i, lease in ipairs(#ids > 0 and redis.call('HMGET', leases, unpack(ids)) or {}) do
    if lease and states[i] ~= 'processing' then
      states[i], scores[i] = 'processing', whole(now)
    end
  end
  return states, scores
end

local function state_of(id)
  local states, scores = states_of({id})
  return states[1], scores[1]
end

local function row_of(id, score)
  return {id, score, body_of(id), redis.call('HGET', progress, id) or '', redis.call('HGET', lanes, id) or ''}
end

-- Lanes: the tasks that are parked behind a hold, oldest first.
local function lane_member(hold, created, id)
  return hold .. ' ' .. digits(created) .. ' ' .. id
end

local function lane_end(hold)
  return '(' .. hold .. '!' -- the character after the blank
end

local function first_of_lane(hold, most, from)
  return redis.call('ZRANGEBYLEX', parked, '[' .. hold .. ' ', lane_end(hold), 'LIMIT', from or 0, most)
end

local function lane_length(hold)
  return redis.call('ZLEXCOUNT', parked, '[' .. hold .. ' ', lane_end(hold))
end

-- Returns whether a task in the lane is older than this creation time.
local function lane_has_older(hold, created)
  local first = first_of_lane(hold, 1)[1]
  return first and number(string.sub(first, #hold + 2, #hold + 14)) < created
end

-- The phases of a hold. Its score in holds is the time when it is over, or 0. Only breakers can be half open; all other
-- holds drain when their time is over.
--
--           hold, or FAILURES in a row          time is over                     a probe goes
--   (none) ────────────────────────────▶ set ─────────────────▶ half open ───────────────────▶ set, a probe under way
--     ▲                                  │ ▲                        │  ▲                         │     │       │
--     │ lane is empty           lifted   │ └──── failure ───────────┼──┼─────────────────────────┘     │       │
--     └────────────────── draining ◀─────┴──── answer, lifted ──────┤  └── nothing was asked, lost ────┘       │
--                             ▲                                     ▼                                          │
--                             │             (none, OPENED: half open to the next task) ◀─ lane is empty        │
--                             └────────────────────────────────────────────────────────────── answer ──────────┘
-- A share lets one task of its lane through each time that it is lifted or its time is over, and is then set again.
local function is_kind(hold, kind)
  return string.sub(hold, 1, #kind + 1) == kind .. ':'
end

local function failures_of(endpoint)
  local times, last = string.match(redis.call('HGET', failure_counts, endpoint) or '0 ', '^(%d+) (.*)$')
  return number(times), last
end

-- Returns "set", "half open", "draining" or nil, and the score.
local function phase_of(hold)
  local till = tonumber(redis.call('ZSCORE', holds, hold) or '')
  if not till then
    return is_kind(hold, 'breaker') and failures_of(string.sub(hold, 9)) >= OPENED and 'half open' or nil
  elseif till > now then
    return 'set', till
  end
  return is_kind(hold, 'breaker') and till > 0 and 'half open' or 'draining', till
end

-- Ends a hold: its lane drains. A hold with an empty lane is deleted, with a probe that never reported back.
local function end_hold(hold)
  if lane_length(hold) == 0 then
    redis.call('ZREM', holds, hold)
    redis.call('HDEL', reasons, hold)
    redis.call('HDEL', probes, hold)
  else
    redis.call('ZADD', holds, 0, hold)
    wake_up()
  end
end

local function set_reason(hold, reason)
  local old = redis.call('HGET', reasons, hold)
  redis.call('HSET', reasons, hold, (old and string.sub(old, 1, 13) or digits(now)) .. reason)
end

-- Lets one task through to test the endpoint. The hold is set meanwhile.
local function grant_probe(hold, id, probe_ms)
  redis.call('ZADD', holds, whole(now + probe_ms), hold)
  redis.call('HSET', probes, hold, digits(now + probe_ms) .. id)
end

-- Returns the breakers that have a probe under way, by the id of its task.
local function probed_breakers()
  local found, by_id = redis.call('HGETALL', probes), {}
  for at = 1, #found, 2 do
    by_id[string.sub(found[at + 1], 14)] = found[at]
  end
  return by_id
end

-- A probe that ended without a response: the next one may go at once, unless a failure has set the hold again.
local function give_back_probe(hold)
  local till = redis.call('ZSCORE', holds, hold)
  if till and tonumber(till) == number(string.sub(redis.call('HGET', probes, hold) or '', 1, 13)) then
    redis.call('ZADD', holds, whole(math.min(till, now)), hold)
    wake_up()
  end
  redis.call('HDEL', probes, hold)
end

local function end_outage(hold)
  if redis.call('HEXISTS', outages, hold .. ' since') == 1 then
    redis.call('HSET', outages, hold .. ' until', whole(now))
  end
end

-- Any response of the endpoint resets its failure count and closes its breaker.
local function endpoint_answered(endpoint)
  local hold = 'breaker:' .. endpoint
  local phase, till = phase_of(hold)
  if redis.call('HDEL', failure_counts, endpoint) == 1 then -- a task that fails after this fails for its own reasons
    add(counters, 'answers ' .. endpoint, 1)
  end
  redis.call('HDEL', probes, hold)
  if phase == 'set' or phase == 'half open' then
    end_outage(hold)
  end
  if till then
    end_hold(hold)
  end
end

-- Counts a message that the last outage of its endpoint delayed: created during it, or in the ten minutes before, and
-- responded to now. A task that had nothing to send gets no response. `what`: delivered or failed.
local function count_answered(id, endpoint, created, what)
  local hold = 'breaker:' .. endpoint
  local span = redis.call('HMGET', outages, hold .. ' since', hold .. ' until')
  if span[2] and created >= number(span[1]) - 600000 and created <= number(span[2]) then
    add(outages, hold .. ' ' .. what, 1)
    local done = redis.call('HGET', progress, id) or ''
    local lost = string.find(done, '"outcome":"unknown"', 1, true) or string.find(done, '"outcome":"lost"', 1, true)
    if what == 'delivered' and lost then -- it may exist twice
      add(outages, hold .. ' doubtful', 1)
    end
  end
end

local function is_paused()
  return phase_of('pause') == 'set'
end

-- A newer task replaces a waiting one: it keeps the ready time, at the higher of both priorities, or the due time.
local function replace(id, body)
  redis.call('HSET', bodies, id, body)
  local ready = tonumber(redis.call('ZSCORE', pending, id) or '')
  if ready then
    redis.call('ZADD', pending, whole(math.min(ready, priority_offset(body) + ready % PRIORITY)), id)
  end
end

-- A hold that was deleted meanwhile is created again as lifted: a lane without a hold would never drain.
local function to_parked(id, hold, created)
  if phase_of(hold) ~= 'set' then
    redis.call('ZADD', holds, 'NX', 0, hold)
    wake_up()
  end
  redis.call('ZADD', delayed, whole(PARKED + created), id)
  redis.call('ZADD', parked, 0, lane_member(hold, created, id))
  redis.call('HSET', lanes, id, hold)
end

-- Removes an id from delayed, and from its lane if it is parked. Returns whether it was delayed.
local function from_delayed(id)
  local score = tonumber(redis.call('ZSCORE', delayed, id) or '')
  if score and score >= PARKED then
    redis.call('ZREM', parked, lane_member(redis.call('HGET', lanes, id) or '', score - PARKED, id))
    redis.call('HDEL', lanes, id)
  end
  return redis.call('ZREM', delayed, id) == 1
end

-- Returns the leases of tasks, by id. A lease is a digit and the token: 0 claimed, 1 work has begun.
local function leases_of(ids)
  local found = {}
  for i, lease in ipairs(#ids > 0 and redis.call('HMGET', leases, unpack(ids)) or {}) do
    found[ids[i]] = lease
  end
  return found
end

-- Returns whether the task is in processing under this token.
local function owns_lease(id, token)
  local lease = redis.call('HGET', leases, id)
  return lease and string.sub(lease, 2) == token
end

-- Ends a lease. `endpoint`: the endpoint that responded to the attempt, or "" or nil.
local function from_processing(id, endpoint)
  redis.call('ZREM', processing, id)
  redis.call('HDEL', leases, id)
  if endpoint and endpoint ~= '' then
    endpoint_answered(endpoint)
  end
  local probed = probed_breakers()[id]
  if probed then
    give_back_probe(probed)
  end
end

-- The successor, if any, becomes the body, without progress. Returns body and due time, or nil.
local function take_successor(id)
  local waiting = redis.call('HGET', successors, id)
  if waiting then
    local body = string.sub(waiting, 14)
    redis.call('HDEL', successors, id)
    redis.call('HDEL', progress, id)
    redis.call('HSET', bodies, id, body)
    return body, number(string.sub(waiting, 1, 13))
  end
end

-- Moves the successor, if any, to pending or delayed. Returns whether there was one.
local function start_successor(id)
  local body, due = take_successor(id)
  if body then
    to_pending_or_delayed(id, body, due)
  end
  return body ~= nil
end

-- Returns the progress of a task for scripts that change it; an empty one if it cannot be read.
local function read_progress(id)
  local read, done = pcall(cjson.decode, redis.call('HGET', progress, id) or '{}')
  done = read and type(done) == 'table' and done or {}
  done.history = type(done.history) == 'table' and done.history or {}
  return done
end

-- Returns the hold among `names` that keeps a task from running now, or nil. A half-open breaker makes the task its
-- probe. A draining hold blocks tasks that are newer than its lane until the lane is empty, so that order is kept; it
-- compares creation times, because two draining lanes would otherwise block each other for ever.
local function blocking_hold(id, names, lane, created, probe_ms)
  local probed, to_probe = probed_breakers()[id], nil
  for _, hold in ipairs(names) do
    local phase = hold ~= probed and not (hold == lane and is_kind(hold, 'share')) and phase_of(hold)
    if phase then
      if phase == 'set' or hold ~= lane and lane_has_older(hold, created) then
        return hold
      elseif phase == 'half open' then
        to_probe = hold
      elseif hold ~= lane then
        end_hold(hold)
      end
    end
  end
  if to_probe then
    grant_probe(to_probe, id, probe_ms)
  end
end
