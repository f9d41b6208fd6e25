-- Gives tasks back untried, ahead of those that came later.
-- ARGV: 1 now, then for each task: id, token, creation (epoch ms)
-- Answers for each 1, or 0 when the token does not hold it.
local answers = {}
for at = 2, #ARGV, 3 do
  local id = ARGV[at]
  local held = is_held(id, ARGV[at + 1])
  if held then
    from_processing(id)
    local body = take_behind(id) or redis.call('HGET', bodies, id) or ''
    redis.call('ZADD', queue, whole(band(body) + tonumber(ARGV[at + 2]) * 100), id)
    wake_up()
  end
  answers[#answers + 1] = held and 1 or 0
end
return answers
