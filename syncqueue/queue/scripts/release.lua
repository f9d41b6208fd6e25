-- Gives tasks back untried, ahead of those that came later.
-- ARGV: 1 now, then for each task: id, token, creation (epoch ms)
-- Answers for each 1, or 0 when the token does not hold it.
local answers = {}
for at = 2, #ARGV, 3 do
  local id = ARGV[at]
  local held = is_held(id, ARGV[at + 1])
  if held then
    from_processing(id)
    local newer, due = take_behind(id)
    if newer then
      to_pending_or_delayed(id, newer, due)
    else -- the offset keeps the order of tasks made in one millisecond
      local made = math.min(tonumber(ARGV[at + 2]), now) * 100 + math.min((at - 2) / 3, 99)
      redis.call('ZADD', queue, whole(band(redis.call('HGET', bodies, id) or '') + made), id)
      wake_up()
    end
  end
  answers[#answers + 1] = held and 1 or 0
end
keep_tick()
return answers
