-- Ends tasks that are done; what waits behind one becomes pending.
-- ARGV: 1 now, then for each task: id, token, bucket and ms of its attempt
-- Answers for each 1, or 0 when the token does not hold it.
local answers, done = {}, 0
for at = 2, #ARGV, 4 do
  local id = ARGV[at]
  local held = is_held(id, ARGV[at + 1])
  if held then
    from_processing(id)
    note_end(id, 'delivered')
    local body, due = take_behind(id)
    if body then
      to_pending_or_delayed(id, body, due)
    else
      forget(id)
    end
    took(ARGV[at + 2], ARGV[at + 3])
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
