-- Reads the counts of the last periods, the current one last.
-- ARGV: 1 now, 2 number of periods, 3 minutes per period (at most 60; periods begin at multiples of it),
-- 4 number of the last periods to leave out
-- Returns for each period {its first epoch minute, processed, retried, failed}.
local rows, span = {}, tonumber(ARGV[3])
local running = math.floor(now / 60000 / span) - tonumber(ARGV[4])
for period = running - tonumber(ARGV[2]) + 1, running do
  local row, names = {whole(period * span), 0, 0, 0}, {}
  for minute = period * span, period * span + span - 1 do
    for _, what in ipairs({'processed', 'retried', 'failed'}) do
      names[#names + 1] = whole(minute) .. ' ' .. what
    end
  end
  for i, found in ipairs(redis.call('HMGET', history, unpack(names))) do
    local column = (i - 1) % 3 + 2
    row[column] = row[column] + number(found)
  end
  rows[#rows + 1] = row
end
return rows
