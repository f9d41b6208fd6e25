-- Reads the tasks of a state that come after a place found earlier, oldest (pending: next) first.
-- ARGV: 1 now, 2 state, 3 at most so many, 4 rank to go on from, 5 id before it ("": from the rank), 6 its score
-- Answers {rank of the first row, tasks in the state, {{id, score, body, progress, hold}, ...}}.
local sets = {pending = queue, delayed = delayed, processing = processing, failed = failed}
local set, rank, id, score = sets[ARGV[2]], tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6])
if id ~= '' then
  if tonumber(redis.call('ZSCORE', set, id) or '') == score then
    rank = redis.call('ZRANK', set, id) + 1
  else
    -- It has left: its rank is somewhere among those with its score.
    local first = redis.call('ZCOUNT', set, '-inf', '(' .. ARGV[6])
    local last = redis.call('ZCOUNT', set, '-inf', ARGV[6])
    rank = math.min(math.max(rank, first), last)
  end
end
local found = redis.call('ZRANGE', set, rank, rank + tonumber(ARGV[3]) - 1, 'WITHSCORES')
local rows = {}
for at = 1, #found, 2 do
  rows[#rows + 1] = {found[at], found[at + 1], redis.call('HGET', bodies, found[at]) or '',
    redis.call('HGET', progress, found[at]) or '', redis.call('HGET', lanes, found[at]) or ''}
end
return {rank, redis.call('ZCARD', set), rows}
