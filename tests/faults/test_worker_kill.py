"""A worker that is killed takes nothing with it."""

from __future__ import annotations

from collections import Counter

from tests.faults.site import Site, eventually

TASK_COUNT = 1000


def test_of_a_thousand_tasks_a_killed_worker_loses_none_and_only_those_in_flight_run_twice(site: Site) -> None:
    site.script(
        f"""
        from syncqueue import SyncTask, get_queue
        get_queue("writer").enqueue_many(SyncTask("writer", "write", f"task-{{n}}") for n in range({TASK_COUNT}))
        """
    )
    first = site.worker("--service", "writer")
    eventually(lambda: _at_least(site, 200))
    first.kill()
    first.wait()
    began = Counter(site.written("began"))
    left = {state: len(ids) for state, ids in site.tasks("writer").items()}
    assert 0 < left["processing"] <= 50
    assert left["pending"] > 0

    site.worker("--service", "writer")
    eventually(lambda: _all_ended(site))

    eventually(lambda: _queue_is_empty(site))
    twice = {name for name, count in Counter(site.written("began")).items() if count > 1}
    assert len(twice) <= left["processing"]
    assert twice <= set(began)
    assert max(Counter(site.written("began")).values()) <= 2


def _at_least(site: Site, count: int) -> None:
    assert len(site.written("ended")) >= count


def _all_ended(site: Site) -> None:
    assert set(site.written("ended")) == {f"task-{n}" for n in range(TASK_COUNT)}


def _queue_is_empty(site: Site) -> None:
    assert site.tasks("writer") == {"pending": [], "delayed": [], "processing": [], "failed": []}
