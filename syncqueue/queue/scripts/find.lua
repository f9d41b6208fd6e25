-- Reads one task, wherever it is.
-- ARGV: 1 now, 2 id
-- Answers {state, {id, score, body, progress, hold}}, or {} when there is none.
local state, score = state_of(ARGV[2])
return state and {state, row_of(ARGV[2], score)} or {}
