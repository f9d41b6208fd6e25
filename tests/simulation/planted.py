"""The planted faults of `plants`: which troubles they need, and what is said of them."""

PLANTED = {
    # Lines of scripts
    "ack forgets what waits behind": ("calm", "loses what waits behind"),
    "nobody is woken": ("calm", "all workers sleep while there is something"),
    "a claimed task stays pending": ("calm", "in two states"),
    "retry compares no token": ("stale", "is accepted with the token of an ended lease"),
    "a lifted hold wakes nobody": ("calm", "all workers sleep while there is something"),
    "recover forgets what waits behind": ("stops", "loses what waits behind"),
    # Mends
    "mend: a probe that asked nothing is given back": ("outages", "a probe that is not in processing"),
    "mend: a dead letter is compared with the last save": ("dead letters", "a reason that is over"),
    "mend: retiring looks at marks, lost answers and orphans": ("retiring", "a copy is left at"),
    "mend: a refused record of a deletion is tried again": ("refused", "copies that nobody wants"),
    "mend: a late store notes its copy after the object has gone": ("late", "copies that nobody wants"),
    "mend: a stale claim is not begun": ("jobs", "without its lease"),
    "mend: what was changed in the future is enqueued too": ("clocks", "waits"),
    # Invariants
    "a valid mark stops nobody": ("stops", "two attempts at once"),
    "a newer generation counts as synced": ("calm", "shows"),
    "a destination is forgotten with its copies": ("retiring", "a copy is left at"),
}
