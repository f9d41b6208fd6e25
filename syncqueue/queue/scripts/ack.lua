-- Finishes tasks as done; a successor becomes pending.
-- ARGV: 1 now, 2 a line for each task: id, token, bucket and ms of its attempt, bucket and ms of the time from its
--       creation to that attempt (both buckets "": unknown), creation (epoch ms), endpoint that responded or ""
-- Returns for each task 1, or 0 if the token does not own its lease.
-- Many tasks end in one call, so each command runs once for all of them where it can.
local ids, lines = {}, {}
local line = '(%S+) (%S*) (%S*) (%d+) (%S*) (%d+) (%d+) ([^\n]*)'
for id, token, bucket, ms, waited, waited_ms, created, endpoint in string.gmatch(ARGV[2], line) do
  ids[#ids + 1] = id
  lines[#ids] = {token, bucket, ms, waited, waited_ms, tonumber(created), endpoint}
end
local answers, ended, line_of, lease_of = {}, {}, {}, leases_of(ids)
local sums = {} -- by counter
local function sum(counter, amount)
  sums[counter] = (sums[counter] or 0) + amount
end
for i, id in ipairs(ids) do
  local token, bucket, ms, waited, waited_ms = unpack(lines[i])
  local owned = lease_of[id] and string.sub(lease_of[id], 2) == token
  answers[i] = owned and 1 or 0
  if owned then
    lease_of[id] = nil -- named twice, it ends once
    ended[#ended + 1], line_of[id] = id, lines[i]
    if bucket ~= '' then
      sum('took ' .. bucket, 1)
      sum('took_ms', ms)
      sum('waited ' .. waited, 1)
      sum('waited_ms', waited_ms)
    end
  end
end
if #ended == 0 then
  return answers
end

redis.call('ZREM', processing, unpack(ended))
redis.call('HDEL', leases, unpack(ended))
local has_holds = redis.call('EXISTS', holds, failure_counts) > 0
local has_outages, has_successors = redis.call('EXISTS', outages) == 1, redis.call('EXISTS', successors) == 1
local probed, answered, gone = has_holds and probed_breakers() or {}, {}, {}
for _, id in ipairs(ended) do
  local created, endpoint = unpack(line_of[id], 6)
  if has_holds and endpoint ~= '' and not answered[endpoint] then
    answered[endpoint] = true
    endpoint_answered(endpoint)
  end
  if probed[id] then
    give_back_probe(probed[id])
  end
  if has_outages and endpoint ~= '' then
    count_answered(id, endpoint, created, 'delivered')
  end
  if not (has_successors and start_successor(id)) then
    gone[#gone + 1] = id
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
