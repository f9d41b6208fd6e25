-- Returns tasks to pending without an attempt, ahead of newer ones.
-- ARGV: 1 now, then for each task: id, token, creation (epoch ms)
-- Returns for each task 1, or 0 if the token does not own its lease.
local answers = {}
for at = 2, #ARGV, 3 do
  local id = ARGV[at]
  local owned = owns_lease(id, ARGV[at + 1])
  if owned then
    from_processing(id)
    if not start_successor(id) then -- the last term keeps the order of tasks that were created in one millisecond
      local made = math.min(tonumber(ARGV[at + 2]), now) * 100 + math.min((at - 2) / 3, 99)
      redis.call('ZADD', pending, whole(priority_offset(body_of(id)) + made), id)
      wake_up()
    end
  end
  answers[#answers + 1] = owned and 1 or 0
end
keep_sequence()
return answers
