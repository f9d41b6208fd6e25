-- Reads a task in any state.
-- ARGV: 1 now, 2 id
-- Returns {state, {id, score, body, progress, hold}}, or {} if there is no such task.
local state, score = state_of(ARGV[2])
return state and {state, row_of(ARGV[2], score)} or {}
