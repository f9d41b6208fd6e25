"""The planted faults of `plants`: which troubles they need, the seed to begin with, and what is said."""

PLANTED = {
    # Lines of scripts
    "ack forgets what waits behind": ("calm", "1", "loses what waits behind"),
    "nobody is woken": ("calm", "1", "all workers sleep while there is something"),
    "a claimed task stays pending": ("calm", "1", "in two states"),
    "retry compares no token": ("stale", "55", "is accepted with the token of an ended lease"),
    "ack compares no token": ("stale", "55", "is accepted with the token of an ended lease"),
    "a lifted hold wakes nobody": ("calm", "1", "all workers sleep while there is something"),
    "recover forgets what waits behind": ("stops", "1", "loses what waits behind"),
    # Mends
    "mend: a probe that asked nothing is given back": ("outages", "1", "a probe that is not in processing"),
    "mend: a dead letter is compared with the last save": ("dead letters", "48", "a reason that is over"),
    "mend: retiring looks at marks, lost answers and orphans": ("retiring", "1", "a copy is left at"),
    "mend: a refused record of a deletion is tried again": ("refused", "1", "copies that nobody wants"),
    "mend: a stale claim is not begun": ("stale", "1", "is accepted with the token of an ended lease"),
    "mend: what is stored too late is noted for removal": ("late", "1", "doubled without a cause"),
    "mend: what was changed in the future is enqueued too": ("clocks", "1", "waits"),
    "mend: a copy lost at a former place is named": ("moving", "20", "copies that nobody wants"),
    "mend: who rests is woken when another destination retires": ("one place", "1320", r"shows \[\] where"),
    "mend: a copy that is taken over keeps its identity": ("one place", "105", "is wanted, "),
    "mend: the copies of a stopped destination are taken over": ("switched off", "70", "shows"),
    "mend: who takes a copy over remembers its own lost one": ("one place", "20330", "copies that nobody wants"),
    # Invariants
    "a newer generation counts as synced": ("calm", "6", "shows"),
    "a destination is forgotten with its copies": ("retiring", "1", "a copy is left at"),
}
