-- Moves dead letters to pending at a person's request; attempt and crash counts start again, the history stays.
-- ARGV: 1 now, then the ids
-- Returns how many were moved.
local moved = 0
for at = 2, #ARGV do
  local id = ARGV[at]
  if redis.call('ZREM', failed, id) == 1 then
    local done = read_progress(id)
    if #done.history > 0 then
      done.attempts, done.crashes = 0, 0
      redis.call('HSET', progress, id, cjson.encode(done))
    else
      redis.call('HDEL', progress, id)
    end
    to_pending(id, body_of(id))
    moved = moved + 1
  end
end
keep_sequence()
return moved
