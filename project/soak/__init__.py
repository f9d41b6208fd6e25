"""The soak: people write notes while everything around them breaks at random, judged from outside: `make soak`.

`field.py` holds the processes, `people.py` writes, edits and deletes notes as browsers do, `faults.py` turns the
sandbox's switch and kills, stops and restarts processes and Redis, `judge.py` compares the notes in the site's
database with the sandbox's own request log. Nothing here imports syncqueue.
"""
