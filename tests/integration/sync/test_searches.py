"""What a worker asks the database regularly is found through an index, however many records there are."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from syncqueue.conf import get_settings
from syncqueue.sources.records import take_due
from syncqueue.sources.registry import source_by_label
from syncqueue.worker.housekeeping import LookForGone, LookForOwnerless
from syncqueue.worker.reconciler import Reconciler
from syncqueue.worker.sweeper import sweep_source
from tests.integration.sync.scene import queue

pytestmark = pytest.mark.django_db(transaction=True)


def reconcile() -> None:
    """One round."""
    Reconciler(queue(), get_settings()).run()


def sweep() -> None:
    """One round, of the notes."""
    source = source_by_label("notes.note")
    assert source is not None
    sweep_source(source)


def plans(work: Callable[[], object]) -> list[str]:
    """How the database carries out the queries of records that `work` makes."""
    with CaptureQueriesContext(connection) as captured:
        work()
    asked = [query["sql"] for query in captured.captured_queries if query["sql"].startswith("SELECT")]
    found = []
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET enable_seqscan = off")  # which it prefers for the few rows of a test
        for sql in asked:
            if "syncqueue_syncrecord" in sql:
                cursor.execute(f"{connection.ops.explain_query_prefix()} {sql}")
                found.append("\n".join(str(row[-1]) for row in cursor.fetchall()))
        if connection.vendor == "postgresql":
            cursor.execute("RESET enable_seqscan")
    return found


def test_what_is_due_is_looked_for_among_the_due_records_alone(own_site: None) -> None:
    (plan,) = plans(lambda: take_due(list(settings.SYNCQUEUE["HANDLERS"]), timezone.now(), 500))
    assert "syncqueue_rec_due" in plan
    assert "syncqueue_rec_service" not in plan


@pytest.mark.parametrize(
    "work",
    [
        reconcile,
        sweep,
        lambda: LookForGone().run(),
        lambda: LookForOwnerless().run(),
    ],
    ids=["reconcile", "sweep", "look for deleted objects", "look after destinations"],
)
def test_no_regular_search_reads_all_records(own_site: None, work: Callable[[], object]) -> None:
    for plan in plans(work):
        assert "SCAN syncqueue_syncrecord" not in plan
        assert "Seq Scan on syncqueue_syncrecord" not in plan
