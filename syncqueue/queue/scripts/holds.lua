-- Reads the holds that are set.
-- ARGV: 1 now
-- Returns for each {hold, phase, until (epoch ms, "" = until lifted, or over), since and reason, parked count}.
local rows = {}
for _, hold in ipairs(redis.call('ZRANGE', holds, 0, 999)) do
  local phase, till = phase_of(hold)
  rows[#rows + 1] = {hold, phase, phase == 'set' and till < FOREVER and whole(till) or '',
    redis.call('HGET', reasons, hold) or '', lane_length(hold)}
end
return rows
