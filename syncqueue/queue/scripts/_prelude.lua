-- Stands before every script. Names the keys (queue/keys.py: ORDER) and the moves that several scripts share.
-- ARGV[1]: the time in epoch ms, empty to use Redis's own. Each script names its further ARGV from ARGV[2] on.
-- All scripts but claim may run twice with the same arguments and come to the same end; moves out of processing check
-- the token.
local queue, delayed, processing, failed, bodies, progress, leases, behind, counters, history, wake, holds, reasons,
  strikes, parked, lanes, site, outages, probes = unpack(KEYS, 1, 19)

local BAND = 1e15   -- between priorities in the scores of queue
local PARKED = 1e15 -- scores of delayed from here on are parked, not due
local FOREVER = 9e15 -- the end of a hold that a person, a probe or a mended destination lifts
local OPENED = 1e6  -- added to the failures of an endpoint whose breaker has opened

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

-- Refuses a queue that another database has stamped; stamps one that nobody has.
local function foreign(site_id)
  local stamp = redis.call('GET', site)
  if not stamp then
    redis.call('SET', site, site_id)
  elseif stamp ~= site_id then
    return redis.error_reply('FOREIGNQUEUE ' .. stamp)
  end
end

-- With `maxmemory` reached Redis refuses a script whose first write grows, and lets one through whose first write
-- frees. What moves or ends work calls this first, so that a full queue can still be emptied.
local function even_when_full()
  redis.call('HDEL', counters, '')
end

local function wake_up()
  if redis.call('LLEN', wake) == 0 then
    redis.call('LPUSH', wake, '1')
  end
end

local function count(what, times)
  redis.call('HINCRBY', counters, what, times)
  redis.call('HINCRBY', history, whole(math.floor(now / 60000)) .. ' ' .. what, times)
end

-- Notes how long an attempt took, for the metrics: a bucket (its upper bound in ms, "" = not known) and the ms.
local function took(bucket, ms)
  if bucket ~= '' then
    redis.call('HINCRBY', counters, 'took ' .. bucket, 1)
    redis.call('HINCRBY', counters, 'took_ms', ms)
  end
end

-- Ready times never repeat, so that tasks of one millisecond keep their order.
local tick
local function next_tick()
  if not tick then
    tick = math.max(now * 100, tonumber(redis.call('HGET', counters, 'tick') or '0'))
  end
  tick = tick + 1
  return tick
end

local function keep_tick()
  if tick then
    redis.call('HSET', counters, 'tick', whole(tick))
    wake_up()
  end
end

local function band(body)
  local digit = tonumber(string.sub(body, 2, 2))
  if not digit or digit > 2 then
    digit = 1
  end
  return digit * BAND
end

local function to_pending(id, body)
  redis.call('ZADD', queue, whole(band(body) + next_tick()), id)
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

local function lane_member(hold, created, id)
  return hold .. ' ' .. string.format('%013.0f', created) .. ' ' .. id
end

-- The states of tasks by id, with their scores there; nothing for those that the queue does not know. This is the one
-- truth about where a task is: bodies, lanes and leases follow it. Only a lease without its place in processing (that
-- key was lost) counts as well: its owner may be at work.
local STATES = {{'failed', failed}, {'pending', queue}, {'delayed', delayed}, {'processing', processing}}
local function states_of(ids)
  local states, scores = {}, {}
  if #ids == 0 then
    return states, scores
  end
  for _, place in ipairs(STATES) do
    for i, score in ipairs(redis.call('ZMSCORE', place[2], unpack(ids))) do
      if score then
        states[i], scores[i] = place[1], score
      end
    end
  end
  for i, lease in ipairs(redis.call('HMGET', leases, unpack(ids))) do
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


local function lane_start(hold)
  return '[' .. hold .. ' '
end

local function lane_end(hold)
  return '(' .. hold .. '!' -- the character after the blank
end

local function lane_is_empty(hold)
  return #redis.call('ZRANGEBYLEX', parked, lane_start(hold), lane_end(hold), 'LIMIT', 0, 1) == 0
end

-- Whether a task in the lane is older than this creation time.
local function lane_has_older(hold, created)
  local first = redis.call('ZRANGEBYLEX', parked, lane_start(hold), lane_end(hold), 'LIMIT', 0, 1)[1]
  return first and tonumber(string.sub(first, #hold + 2, #hold + 14)) < created
end

-- The phases of a hold, which is a score in holds. Only breakers are ever half open.
--
--          hold, record_failure (FAILURES in a row)         its time is over
--   none ───────────────────────────────────────────▶ set ────────────────────▶ half open (a time in the past)
--    ▲                                               │ ▲ ▲                          │
--    │ lane is empty                     lifted, or  │ │ │  a probe goes ahead, for probe_ms at most
--    │                                   an answer   │ │ └──────────────────────────┤
--    └─────────────────── draining (0) ◀─────────────┘ │  record_failure            │ lane is empty
--                                                      └──────────────────────────▶ none, but OPENED in strikes:
--   Others than breakers are draining when their time is over.                      half open to the next task
--
-- Answers "set", "half open", "draining" or nil, and the score.
local function is_breaker(hold)
  return string.sub(hold, 1, 8) == 'breaker:'
end

local function failures_of(endpoint)
  local times, last = string.match(redis.call('HGET', strikes, endpoint) or '0 ', '^(%d+) (.*)$')
  return tonumber(times), last
end

local function phase_of(hold)
  local till = tonumber(redis.call('ZSCORE', holds, hold) or '')
  if not till then
    return is_breaker(hold) and failures_of(string.sub(hold, 9)) >= OPENED and 'half open' or nil
  elseif till > now then
    return 'set', till
  end
  return is_breaker(hold) and till > 0 and 'half open' or 'draining', till
end

-- Ends a hold: its lane may leave, and the hold goes when the lane is empty.
local function end_hold(hold)
  if lane_is_empty(hold) then
    redis.call('ZREM', holds, hold)
    redis.call('HDEL', reasons, hold)
  else
    redis.call('ZADD', holds, 0, hold)
    wake_up()
  end
end

local function set_reason(hold, reason)
  local old = redis.call('HGET', reasons, hold)
  local since = old and string.sub(old, 1, 13) or string.format('%013.0f', now)
  redis.call('HSET', reasons, hold, since .. reason)
end

-- Lets one task through to see whether the endpoint is back. A breaker has one probe; for its time the hold is set.
local function grant_probe(hold, id, probe_ms)
  redis.call('ZADD', holds, whole(now + probe_ms), hold)
  redis.call('HSET', probes, hold, string.format('%013.0f', now + probe_ms) .. id)
end

-- The breakers that have a probe under way, by the id of its task.
local function probed_breakers()
  local found, by_id = redis.call('HGETALL', probes), {}
  for at = 1, #found, 2 do
    by_id[string.sub(found[at + 1], 14)] = found[at]
  end
  return by_id
end

-- A probe that ended without word of its endpoint lets the next one through at once.
local function give_back_probe(hold)
  local _, till = phase_of(hold)
  if till == tonumber(string.sub(redis.call('HGET', probes, hold), 1, 13)) then
    redis.call('ZADD', holds, whole(math.min(till, now)), hold)
    wake_up()
  end
  redis.call('HDEL', probes, hold)
end

local function note_back(hold)
  if redis.call('HEXISTS', outages, hold .. ' since') == 1 then
    redis.call('HSET', outages, hold .. ' until', whole(now))
  end
end

-- An answer of the endpoint, whatever it said, ends the count of its failures and closes its breaker.
local function endpoint_answered(endpoint)
  local hold = 'breaker:' .. endpoint
  local phase, till = phase_of(hold)
  redis.call('HDEL', strikes, endpoint)
  redis.call('HDEL', probes, hold)
  if phase == 'set' or phase == 'half open' then
    note_back(hold)
  end
  if till then
    end_hold(hold)
  end
end

-- Counts a message that was held up by the last outage of its endpoint: made meanwhile, or in the ten minutes before,
-- and answered now. Tasks that had nothing to send have no answer. `what`: delivered or failed.
local function count_answered(id, endpoint, created, what)
  local hold = 'breaker:' .. endpoint
  local span = redis.call('HMGET', outages, hold .. ' since', hold .. ' until')
  if not span[2] or created < tonumber(span[1]) - 600000 or created > tonumber(span[2]) then
    return
  end
  redis.call('HINCRBY', outages, hold .. ' ' .. what, 1)
  local done = redis.call('HGET', progress, id) or ''
  if what == 'delivered' and (string.find(done, '"outcome":"unknown"', 1, true) or
      string.find(done, '"outcome":"lost"', 1, true)) then -- an answer was lost before: it may be out there twice
    redis.call('HINCRBY', outages, hold .. ' doubtful', 1)
  end
end

local function is_paused()
  return phase_of('pause') == 'set'
end

-- A newer task takes the place of one that waits: it keeps the ready time, in the band of the higher priority, or the
-- due time.
local function replace(id, body)
  redis.call('HSET', bodies, id, body)
  local ready = tonumber(redis.call('ZSCORE', queue, id) or '')
  if ready then
    redis.call('ZADD', queue, whole(math.min(ready, band(body) + ready % BAND)), id)
  end
end

-- A hold that was lifted since the caller heard of it is set again as lifted: a lane without its hold would never leave.
local function to_parked(id, hold, created)
  if phase_of(hold) ~= 'set' then
    redis.call('ZADD', holds, 'NX', 0, hold)
    wake_up()
  end
  redis.call('ZADD', delayed, whole(PARKED + created), id)
  redis.call('ZADD', parked, 0, lane_member(hold, created, id))
  redis.call('HSET', lanes, id, hold)
end

-- Takes an id out of delayed, and out of its lane when it is parked. Answers whether it was there.
local function from_delayed(id)
  local score = tonumber(redis.call('ZSCORE', delayed, id) or '')
  if not score then
    return false
  end
  redis.call('ZREM', delayed, id)
  if score >= PARKED then
    local hold = redis.call('HGET', lanes, id) or ''
    redis.call('ZREM', parked, lane_member(hold, score - PARKED, id))
    redis.call('HDEL', lanes, id)
  end
  return true
end

-- A lease is a digit and the token. The digit: 0 claimed, 1 work has begun (2 and 3, as older releases write them, too).
local function has_begun(id)
  return tonumber(string.sub(redis.call('HGET', leases, id) or '0', 1, 1)) % 2 == 1
end

-- Whether the task is in processing under this token.
local function is_held(id, token)
  local lease = redis.call('HGET', leases, id)
  return lease and string.sub(lease, 2) == token
end

-- The leases of many tasks, by id, in one command.
local function leases_of(ids)
  local found = {}
  if #ids > 0 then
    for i, lease in ipairs(redis.call('HMGET', leases, unpack(ids))) do
      found[ids[i]] = lease
    end
  end
  return found
end

-- Ends a lease. `endpoint`: where the attempt had an answer from, if it had.
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

-- The newest task that waits behind this id, if any: it becomes the body, with a fresh progress. Answers body and due.
local function take_behind(id)
  local waiting = redis.call('HGET', behind, id)
  if not waiting then
    return nil
  end
  local body = string.sub(waiting, 14)
  redis.call('HDEL', behind, id)
  redis.call('HDEL', progress, id)
  redis.call('HSET', bodies, id, body)
  return body, tonumber(string.sub(waiting, 1, 13))
end

local function forget(id)
  redis.call('HDEL', bodies, id)
  redis.call('HDEL', progress, id)
end

-- Whether a task that `names` apply to may run now, by the hold that blocks it: nil when none does. A half-open breaker
-- makes it the probe. A draining hold blocks what is newer than its lane until the lane is empty, so that order is kept;
-- by age, because two draining lanes would otherwise block each other for ever.
local function blocking_hold(id, names, lane, created, probe_ms)
  local probed, to_probe = probed_breakers()[id], nil
  for _, hold in ipairs(names) do
    local phase = hold ~= probed and phase_of(hold)
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
