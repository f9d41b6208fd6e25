-- Reads what was counted in each of the last minutes, the running one last.
-- ARGV: 1 now, 2 how many minutes (at most 1440)
-- Answers for each {epoch minute, processed, retried, failed}.
local rows = {}
local running = math.floor(now / 60000)
for minute = running - tonumber(ARGV[2]) + 1, running do
  local at = whole(minute)
  local found = redis.call('HMGET', history, at .. ' processed', at .. ' retried', at .. ' failed')
  rows[#rows + 1] = {at, found[1] or '0', found[2] or '0', found[3] or '0'}
end
return rows
