"""The SQL of frequent statements is built once; each execution has its own values."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

import syncqueue
from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue.core.clock import SYSTEM_CLOCK
from syncqueue.handlers.base import RemotePart
from syncqueue.models import Destination, OrphanPart, RecordState, SyncRecord, new_generation
from syncqueue.sources import built, records
from syncqueue.sources.loading import load
from syncqueue.sources.missed import record_many
from syncqueue.sources.planner import Step
from syncqueue.sources.registry import source_by_label
from tests.integration.sync.scene import make_destination

pytestmark = pytest.mark.django_db

SECONDS = 30.0


def new_records(channel: Destination, count: int) -> list[SyncRecord]:
    first = SyncRecord.objects.count()
    return [
        SyncRecord.objects.create(
            source="notes.note", object_pk=str(first + number), destination=channel, service=channel.service
        )
        for number in range(count)
    ]


def marked(rows: list[SyncRecord]) -> set[int]:
    return records.mark(
        [records.Mark(record=row, step=Step.CREATE, token=f"token {row.pk}", seconds=SECONDS) for row in rows]
    )


def part(row: SyncRecord) -> RemotePart:
    return RemotePart(kind="text", id=str(row.pk), address="@place")


def synced(row: SyncRecord) -> records.Synced:
    return records.Synced(record=row, token=f"token {row.pk}", parts=[part(row)], fingerprint=f"hash {row.pk}")


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_each_record_gets_its_own_values(channel: Destination, count: int) -> None:
    rows, other = new_records(channel, count), new_records(channel, 1)[0]

    assert marked(rows) == {row.pk for row in rows}
    assert {row.pk: row.sending_token for row in records.records() if row.pk != other.pk} == {
        row.pk: f"token {row.pk}" for row in rows
    }
    assert records.store_synced([synced(row) for row in rows], now=SYSTEM_CLOCK.now()) == {row.pk for row in rows}

    for row in rows:
        stored = SyncRecord.objects.get(pk=row.pk)
        assert stored.state == RecordState.SYNCED
        assert records.read_parts(stored) == (part(row),)
        assert stored.content_hash == f"hash {row.pk}"
        assert stored.synced_generation == row.generation
        assert stored.sending_token == ""
    other.refresh_from_db()
    assert (other.state, other.sending_token, other.parts) == (RecordState.WAITING, "", [])


def test_one_statement_stores_records_that_rest_wait_for_a_time_and_have_changed(channel: Destination) -> None:
    rests, timed, changed = rows = new_records(channel, 3)
    marked(rows)
    SyncRecord.objects.filter(pk=changed.pk).update(generation=new_generation())
    now = SYSTEM_CLOCK.now()
    due = now + timedelta(hours=1)
    until_then = records.Synced(record=timed, token=f"token {timed.pk}", parts=[], fingerprint="", next_at=due)

    records.store_synced([synced(rests), until_then, synced(changed)], now=now)

    stored = [(row.state, row.due_at, row.synced_at) for row in records.records().order_by("pk")]
    waiting = RecordState.WAITING
    assert stored == [(RecordState.SYNCED, None, now), (waiting, due, now), (waiting, None, now)]


def test_a_second_statement_of_the_same_form_is_not_built_again(channel: Destination) -> None:
    marked(new_records(channel, 3))
    count = built._built_update.cache_info().misses

    marked(new_records(channel, 4))

    assert built._built_update.cache_info().misses == count


def test_loaded_records_have_their_destination_and_orphans(channel: Destination) -> None:
    clean, left = new_records(channel, 2)
    orphan = part(left)
    OrphanPart.objects.create(record=left, part=records.write_parts([orphan])[0])

    found = load([clean.pk, left.pk, left.pk + 1])

    assert found.keys() == {clean.pk, left.pk}
    assert [found[row.pk].record.destination for row in (clean, left)] == [channel, channel]
    assert [found[row.pk].orphans for row in (clean, left)] == [(), (orphan,)]


def test_a_chunk_without_objects_asks_for_nothing(channel: Destination, caplog: pytest.LogCaptureFixture) -> None:
    source = source_by_label("notes.note")
    assert source is not None
    assert record_many(source, []) == []
    assert "could not be recorded" not in caplog.text


def test_saves_of_different_people_share_a_statement_and_reach_their_own_destinations(
    channel: Destination, sandbox: RunningSandbox, settings: Any
) -> None:
    settings.OWN_DESTINATIONS = True
    people = [User.objects.create(username=name) for name in ("one", "two")]
    own = [make_destination(sandbox, f"@of_{one.username}", owner=one) for one in people]

    with syncqueue.queued():
        first = Note.objects.create(owner=people[0], text="first")
        count = built._built_query.cache_info().misses
        second = Note.objects.create(owner=people[1], text="second")

    assert built._built_query.cache_info().misses == count
    found = {(row.object_pk, row.destination) for row in records.records().exclude(destination=channel)}
    assert found == {(str(first.pk), own[0]), (str(second.pk), own[1])}
