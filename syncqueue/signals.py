"""Signals of syncqueue. Receivers run in a thread that may use the database; their exceptions are logged.

All signals send `service` and `task` (a SyncTask); the last four also send `record_id` (None for a generic task).

- `task_enqueued`: a task was added to a queue.
- `task_succeeded`: the task is done.
- `task_retried`: the task will be tried again; sends `error` and `due_at` (None if a hold parks the task).
- `task_failed`: the task became a dead letter; sends `error`.
- `destination_broken`: nothing can be sent to the destination until a person fixes it; sends `destination_id`, `error`.
"""

from __future__ import annotations

from django.dispatch import Signal

task_enqueued = Signal()
task_succeeded = Signal()
task_retried = Signal()
task_failed = Signal()
destination_broken = Signal()
