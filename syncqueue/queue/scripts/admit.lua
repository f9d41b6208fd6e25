-- Asks whether claimed tasks may run now; those that a hold applies to are parked behind it, without using an attempt.
-- ARGV: 1 now, 2 probe ms, then for each task: id, token, creation (epoch ms), lane it came from or "", the same
--       lane when it is the probe of it or "", number of hold names, the names
-- Answers for each {"admitted", "1" when it is a probe or ""}, {"parked", hold} or {"lost", ""}.
even_when_full()
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
    local hold, probe = admission(names, lane, created, is_probe(id), probe_ms)
    if hold then
      from_processing(id)
      local body, due = take_behind(id)
      if body and due > now then
        to_delayed(id, due)
      else
        to_parked(id, hold, created)
      end
      if granted ~= '' then -- another hold took the probe: let the next of the lane try
        redis.call('ZADD', holds, 'XX', whole(now), granted)
        wake_up()
      end
      answers[#answers + 1] = {'parked', hold}
    else
      if probe and not is_probe(id) then
        to_processing(id, token, redis.call('ZSCORE', processing, id), has_begun(id), true)
      end
      answers[#answers + 1] = {'admitted', probe and '1' or ''}
    end
  end
end
return answers
