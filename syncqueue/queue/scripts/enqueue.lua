-- Puts tasks into pending, or into delayed until they are due. A task with a key takes the place of the one that has
-- the key: its due time stays; while that one is in processing the newest waits behind it.
-- ARGV: 1 now, 2 site id, then for each task: id, "1" when it has a key, due (epoch ms, 0 = at once), body
-- Answers for each: "new", "replaced", "behind" or "known" (sent before).
-- New tasks are written together at the end; before an id that came earlier in the same call they are written first.
local refused = foreign(ARGV[2])
if refused then
  return refused
end
local ids = {}
for at = 3, #ARGV, 4 do
  ids[#ids + 1] = ARGV[at]
end
if #ids == 0 then
  return ids
end

local new, fields, ready, added = {}, {}, {}, {} -- new: the ids that this call has brought
local function write_new()
  if #added > 0 then
    redis.call('HSET', bodies, unpack(fields))
    redis.call('HDEL', progress, unpack(added)) -- of an earlier task whose place was lost
  end
  if #ready > 0 then
    redis.call('ZADD', queue, unpack(ready))
  end
  fields, ready, added = {}, {}, {}
end

local function add_new(id, body, due)
  new[id] = true
  added[#added + 1] = id
  fields[#fields + 1] = id
  fields[#fields + 1] = body
  if due > now then
    to_delayed(id, due)
  else
    ready[#ready + 1] = whole(band(body) + next_tick())
    ready[#ready + 1] = id
  end
end

local answers = {}
local states = states_of(ids)
for i, id in ipairs(ids) do
  local at = 4 * i - 1
  local due, body = tonumber(ARGV[at + 2]), ARGV[at + 3]
  if new[id] then
    write_new()
    states[i] = state_of(id)
  end
  local answer = 'new'
  if not states[i] then
    add_new(id, body, due)
  elseif ARGV[at + 1] == '0' then
    redis.call('HSETNX', bodies, id, body)
    answer = 'known'
  elseif states[i] == 'processing' then
    redis.call('HSET', behind, id, string.format('%013.0f', due) .. body)
    answer = 'behind'
  else
    replace(id, body)
    if states[i] == 'failed' then
      redis.call('ZREM', failed, id)
      redis.call('HDEL', progress, id)
      to_pending_or_delayed(id, body, due)
    end
    answer = 'replaced'
  end
  answers[i] = answer
end
write_new()
keep_tick()
return answers
