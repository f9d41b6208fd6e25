"""A worker that is killed takes nothing with it."""

from __future__ import annotations

from collections import Counter

from project.sandbox.testing import RunningSandbox
from tests.eventually import eventually
from tests.faults.channel import texts
from tests.faults.conftest import SiteMaker
from tests.faults.site import ALL_EMPTY, UNHURRIED, Site

TASK_COUNT = 1000
NOTE_COUNT = 60


def test_of_a_thousand_tasks_a_killed_worker_loses_none_and_only_those_in_flight_run_twice(site: Site) -> None:
    site.script(
        f"""
        from syncqueue import SyncTask, get_queue
        names = [f"task-{{n}}" for n in range({TASK_COUNT})]
        get_queue("writer").enqueue_many(SyncTask("writer", "write", name, key=name) for name in names)
        """
    )
    first = site.worker("--service", "writer")
    eventually(lambda: _at_least(site, 200))
    first.kill()
    first.wait()
    left = site.tasks("writer")
    in_flight = {task_id.removeprefix("key:") for task_id in left["processing"]}
    assert in_flight
    assert left["pending"]

    site.worker("--service", "writer")
    eventually(lambda: _all_ended(site))

    eventually(lambda: _queue_is_empty(site))
    counts = Counter(site.written("began"))
    assert {name for name, count in counts.items() if count > 1} <= in_flight
    assert max(counts.values()) <= 2


def test_a_worker_killed_in_the_middle_of_sending_loses_no_note_and_doubles_none_but_those_in_flight(
    make_site: SiteMaker, redis_url: str, sandbox: RunningSandbox
) -> None:
    site = make_site(redis_url, **UNHURRIED)
    site.script(
        f"""
        with syncqueue.queued():
            for n in range({NOTE_COUNT}):
                save(f"Note {{n}}")
        """
    )
    sandbox.set_mode("telegram", "slow", delay_seconds=0.5)
    first = site.worker()
    eventually(lambda: _are_being_sent(sandbox))
    first.kill()
    first.wait()
    in_flight = {task_id.removeprefix("key:record-") for task_id in site.tasks()["processing"]}
    assert in_flight
    sandbox.set_mode("telegram", "up")

    site.worker()

    eventually(lambda: _all_synced(site))
    counts = Counter(texts(sandbox))
    assert set(counts) == {f"Note {n}" for n in range(NOTE_COUNT)}
    assert {text for text, count in counts.items() if count > 1} <= _texts(site, in_flight)
    assert max(counts.values()) <= 2


def _at_least(site: Site, count: int) -> None:
    assert len(site.written("ended")) >= count


def _are_being_sent(sandbox: RunningSandbox) -> None:
    """Some answers were given, and some requests are open."""
    log = sandbox.log()
    assert any(entry["answered"] for entry in log)
    assert any(entry["open"] and entry["stored"] for entry in log)


def _all_synced(site: Site) -> None:
    assert site.states() == ["synced"] * NOTE_COUNT
    assert site.tasks() == ALL_EMPTY


def _texts(site: Site, record_ids: set[str]) -> set[str]:
    rows = site.sql(
        "SELECT syncqueue_syncrecord.id, text FROM notes_note "
        "JOIN syncqueue_syncrecord ON object_pk = CAST(notes_note.id AS text)"
    )
    return {text for record_id, text in rows if str(record_id) in record_ids}


def _all_ended(site: Site) -> None:
    assert set(site.written("ended")) == {f"task-{n}" for n in range(TASK_COUNT)}


def _queue_is_empty(site: Site) -> None:
    assert site.tasks("writer") == ALL_EMPTY
