"""Deterministic simulation: the whole system in one thread, under virtual time, from one seed.

`kernel` has the time, the processes and their threads; `redis_server`, `database` and `services` are what the
processes talk to; `plan` draws what happens from a seed; `run` plays one plan, with its `people`; `judge` looks from
outside at what came of it. `plants` has faults that it must find.
"""
