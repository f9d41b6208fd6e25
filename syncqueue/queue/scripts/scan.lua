-- Reads the tasks of a state that come after a place found earlier, oldest (pending: next) first.
-- ARGV: 1 now, 2 state, 3 at most so many, 4 rank to go on from, 5 id before it ("": from the rank), 6 its score
-- Answers {rank of the first row, tasks in the state, {{id, score, body, progress, hold}, ...}}.
-- By bytes, as Redis orders members; Lua's own < follows the locale of the server.
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
    -- It has left. Those with its score stand in the order of their ids, so its place among them is still known.
    rank = redis.call('ZCOUNT', set, '-inf', '(' .. ARGV[6])
    local last = redis.call('ZCOUNT', set, '-inf', ARGV[6])
    while rank < last do
      local middle = math.floor((rank + last) / 2)
      if comes_before(redis.call('ZRANGE', set, middle, middle)[1], id) then rank = middle + 1 else last = middle end
    end
  end
end
local found = redis.call('ZRANGE', set, rank, rank + tonumber(ARGV[3]) - 1, 'WITHSCORES')
local rows = {}
for at = 1, #found, 2 do
  rows[#rows + 1] = row_of(found[at], found[at + 1])
end
return {rank, redis.call('ZCARD', set), rows}
