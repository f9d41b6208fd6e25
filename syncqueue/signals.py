"""The signals syncqueue sends. Receivers are called in a thread that may use the database; what they raise is logged.

All carry `service` and `task` (a SyncTask); the last four also `record_id` (None for a generic task).

- `task_enqueued`: a task was put into a queue.
- `task_succeeded`: it is done.
- `task_retried`: it will be tried again; `error`, `due_at` (None while a hold parks it).
- `task_failed`: it went to the dead letters; `error`.
- `destination_broken`: nothing reaches a destination until a person mends it; `destination_id`, `error`.
"""

from __future__ import annotations

from django.dispatch import Signal

task_enqueued = Signal()
task_succeeded = Signal()
task_retried = Signal()
task_failed = Signal()
destination_broken = Signal()
