-- Ends tasks that are done; what waits behind one becomes pending.
-- ARGV: 1 now, then for each task: id, token
-- Answers for each 1, or 0 when the token does not hold it.
local answers, done = {}, 0
for at = 2, #ARGV, 2 do
  local id = ARGV[at]
  local held = is_held(id, ARGV[at + 1])
  if held then
    from_processing(id)
    local body, due = take_behind(id)
    if body then
      to_pending_or_delayed(id, body, due)
    else
      forget(id)
    end
    done = done + 1
  end
  answers[#answers + 1] = held and 1 or 0
end
if done > 0 then
  count('processed', done)
  redis.call('HSET', counters, 'last_processed_at', whole(now))
end
keep_tick()
return answers
