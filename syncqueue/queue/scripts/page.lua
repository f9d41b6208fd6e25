-- Reads one page of a state, oldest (pending: next) first.
-- ARGV: 1 now, 2 state, 3 start (rank from 0), 4 at most so many
-- Answers for each {id, score, body, progress, hold}.
local sets = {pending = queue, delayed = delayed, processing = processing, failed = failed}
local start = tonumber(ARGV[3])
local found = redis.call('ZRANGE', sets[ARGV[2]], start, start + tonumber(ARGV[4]) - 1, 'WITHSCORES')
local rows = {}
for at = 1, #found, 2 do
  local id = found[at]
  rows[#rows + 1] = {id, found[at + 1], redis.call('HGET', bodies, id) or '', redis.call('HGET', progress, id) or '',
    redis.call('HGET', lanes, id) or ''}
end
return rows
