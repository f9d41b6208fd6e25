"""Deterministic simulation: the whole system in one thread, under virtual time, from one seed.

`kernel` has the time, the processes and their threads; `redis_server`, `database` and `services` are what the processes
talk to; `plan` draws faults and people from a seed; `run` plays one plan; `judge` looks from outside at what came of it.
"""
