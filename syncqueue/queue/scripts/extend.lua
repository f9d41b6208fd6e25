-- Renews leases, and marks the work as begun: only then does a lease that runs out count as a crash.
-- ARGV: 1 now, 2 lease ms, then for each task: id, token
-- Answers for each 1, or 0 when the token does not hold it.
even_when_full()
local answers = {}
for at = 3, #ARGV, 2 do
  local id, token = ARGV[at], ARGV[at + 1]
  local held = is_held(id, token)
  if held then
    to_processing(id, token, now + tonumber(ARGV[2]), true, is_probe(id))
  end
  answers[#answers + 1] = held and 1 or 0
end
return answers
