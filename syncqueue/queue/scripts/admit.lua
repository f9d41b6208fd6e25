-- Asks whether claimed tasks may run now; those that a hold applies to are parked behind it, without using an attempt.
-- ARGV: 1 now, 2 probe ms, then for each task: id, token, creation (epoch ms), lane it came from or "", breaker whose
--       probe it is or "", number of hold names, the names
-- Answers for each {"admitted", probe}, {"parked", hold} or {"lost", ""}.
local probe_ms = tonumber(ARGV[2])
local answers = {}
local at = 3
while at <= #ARGV do
  local id, token, created = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  local lane, granted, named = ARGV[at + 3], ARGV[at + 4], tonumber(ARGV[at + 5])
  local names = {}
  for i = 1, named do
    names[i] = ARGV[at + 5 + i]
  end
  at = at + 6 + named
  if not is_held(id, token) then
    answers[#answers + 1] = {'lost', ''}
  else
    local hold, probe = admission(names, lane, granted, probe_ms)
    if hold then
      from_processing(id)
      take_behind(id)
      to_parked(id, hold, created)
      answers[#answers + 1] = {'parked', hold}
    else
      answers[#answers + 1] = {'admitted', probe}
    end
  end
end
return answers
