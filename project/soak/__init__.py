"""The soak test: users write notes while faults are injected at random, checked from outside: `make soak`.

`field.py` has the processes, `people.py` writes, edits and deletes notes like browsers, `faults.py` changes the modes
of the sandbox and kills, stops and restarts processes and Redis, `judge.py` compares the notes in the database of the
site with the request log of the sandbox. Nothing here imports syncqueue.
"""
