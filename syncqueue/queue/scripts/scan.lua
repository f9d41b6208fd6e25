-- Reads the tasks of a state that follow a given one, oldest (pending: next) first.
-- ARGV: 1 now, 2 state, 3 limit, 4 first rank, 5 id of the task before it ("": start at the rank), 6 score of that task
-- Returns {rank of the first row, tasks in the state, {{id, score, body, progress, hold}, ...}}.
-- Compares bytes, as Redis orders members; the operator < of Lua follows the locale of the server.
local function comes_before(one, other)
  for at = 1, math.min(#one, #other) do
    local a, b = string.byte(one, at), string.byte(other, at)
    if a ~= b then return a < b end
  end
  return #one < #other
end
local set, rank, id, score = SETS[ARGV[2]], tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6])
if id ~= '' then
  if tonumber(redis.call('ZSCORE', set, id) or '') == score then
    rank = redis.call('ZRANK', set, id) + 1
  else
    -- The task has left. Members with equal scores are ordered by id, so its former position can be found.
    rank = redis.call('ZCOUNT', set, '-inf', '(' .. ARGV[6])
    local last = redis.call('ZCOUNT', set, '-inf', ARGV[6])
    while rank < last do
      local middle = math.floor((rank + last) / 2)
      if comes_before(redis.call('ZRANGE', set, middle, middle)[1], id) then rank = middle + 1 else last = middle end
    end
  end
end
local rows, found = {}, redis.call('ZRANGE', set, rank, rank + tonumber(ARGV[3]) - 1, 'WITHSCORES')
for at = 1, #found, 2 do
  rows[#rows + 1] = row_of(found[at], found[at + 1])
end
return {rank, redis.call('ZCARD', set), rows}
