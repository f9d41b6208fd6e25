-- Finishes tasks as done; a successor becomes pending.
-- ARGV: 1 now, 2 a line for each task: id, token, bucket and ms of its attempt, creation (epoch ms), endpoint that
--       responded or "", 3 upper bounds of the buckets of waiting times in ms, ascending
-- Returns for each task 1, or 0 if the token does not own its lease.
-- Many tasks end in one call, so each command runs once for all of them. Only tasks that may have waited for an outage,
-- or have a successor, are handled one by one.
local ids, lines = {}, {}
for id, token, bucket, ms, created, endpoint in string.gmatch(ARGV[2], '(%S+) (%S*) (%S*) (%d+) (%d+) ([^\n]*)') do
  ids[#ids + 1] = id
  lines[#ids] = {token, bucket, ms, tonumber(created), endpoint}
end
local answers, ended, endpoints, answered = {}, {}, {}, {}
local lease_of = leases_of(ids)
local sums = {} -- by counter
local function sum(counter, amount)
  sums[counter] = (sums[counter] or 0) + amount
end
-- Counts the time from the creation of a task to its last attempt. Clocks differ, so it may come out negative.
local function note_waiting(ms)
  local bucket = 'inf'
  for bound in string.gmatch(ARGV[3], '%d+') do
    if ms <= tonumber(bound) then
      bucket = bound
      break
    end
  end
  sum('waited ' .. bucket, 1)
  sum('waited_ms', math.max(ms, 0))
end
for i, id in ipairs(ids) do
  local token, bucket, ms, created, endpoint = unpack(lines[i])
  local owned = lease_of[id] and string.sub(lease_of[id], 2) == token
  answers[i] = owned and 1 or 0
  if owned then
    lease_of[id] = nil -- named twice, it ends once
    ended[#ended + 1] = id
    if endpoint ~= '' then
      endpoints[endpoint] = true
      answered[#answered + 1] = {id, endpoint, created, 'delivered'}
    end
    if bucket ~= '' then
      sum('took ' .. bucket, 1)
      sum('took_ms', ms)
      note_waiting(now - created - ms)
    end
  end
end
if #ended == 0 then
  return answers
end

redis.call('ZREM', processing, unpack(ended))
redis.call('HDEL', leases, unpack(ended))
if redis.call('EXISTS', holds, failure_counts) > 0 then
  for endpoint in pairs(endpoints) do
    endpoint_answered(endpoint)
  end
  local probed = probed_breakers()
  for _, id in ipairs(ended) do
    if probed[id] then
      give_back_probe(probed[id])
    end
  end
end
if redis.call('EXISTS', outages) == 1 then
  for _, one in ipairs(answered) do
    count_answered(unpack(one))
  end
end
local gone = ended
if redis.call('EXISTS', successors) == 1 then
  gone = {}
  for _, id in ipairs(ended) do
    if not start_successor(id) then
      gone[#gone + 1] = id
    end
  end
end
if #gone > 0 then
  redis.call('HDEL', bodies, unpack(gone))
  redis.call('HDEL', progress, unpack(gone))
end
for counter, amount in pairs(sums) do
  if amount > 0 then
    add(counters, counter, whole(amount))
  end
end
count('processed', #ended)
redis.call('HSET', counters, 'last_processed_at', whole(now))
keep_sequence()
return answers
