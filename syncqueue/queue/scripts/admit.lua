-- Checks whether claimed tasks may run now; a task that a hold applies to is parked behind it and uses no attempt.
-- ARGV: 1 now, 2 probe ms, then for each task: id, token, creation (epoch ms), lane it came from or "", number of hold
--       names, the names
-- Returns for each task {"admitted", ""}, {"parked", hold} or {"lost", ""}.
even_when_full()
local answers, at = {}, 3
while at <= #ARGV do
  local id, token, created = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  local lane, named = ARGV[at + 3], tonumber(ARGV[at + 4])
  local names = {unpack(ARGV, at + 5, at + 4 + named)}
  at = at + 5 + named
  local owned = owns_lease(id, token)
  local hold = owned and blocking_hold(id, names, lane, created, tonumber(ARGV[2]))
  if hold then
    from_processing(id)
    local body, due = take_successor(id)
    if body and due > now then
      to_delayed(id, due)
    else
      to_parked(id, hold, created)
    end
  end
  answers[#answers + 1] = {hold and 'parked' or owned and 'admitted' or 'lost', hold or ''}
end
return answers
