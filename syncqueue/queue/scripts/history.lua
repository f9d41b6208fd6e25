-- Reads the counts of the last periods, the current one last.
-- ARGV: 1 now, 2 number of periods, 3 minutes per period (at most 60; periods begin at multiples of it),
-- 4 number of the last periods to leave out
-- Returns for each period {its first epoch minute, processed, retried, failed}.
local rows = {}
local span = tonumber(ARGV[3])
local running = math.floor(now / 60000 / span) - tonumber(ARGV[4])
for period = running - tonumber(ARGV[2]) + 1, running do
  local first = period * span
  local names = {}
  for minute = first, first + span - 1 do
    local at = whole(minute)
    names[#names + 1] = at .. ' processed'
    names[#names + 1] = at .. ' retried'
    names[#names + 1] = at .. ' failed'
  end
  local sums = {0, 0, 0}
  for i, found in ipairs(redis.call('HMGET', history, unpack(names))) do
    local which = (i - 1) % 3 + 1
    sums[which] = sums[which] + number(found)
  end
  rows[#rows + 1] = {whole(first), sums[1], sums[2], sums[3]}
end
return rows
