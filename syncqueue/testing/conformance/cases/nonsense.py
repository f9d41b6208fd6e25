"""Cases for invalid responses: cut JSON, a proxy's page, wrong types, megabytes; over real HTTP, to real libraries."""

from __future__ import annotations

import pytest

from syncqueue import services
from syncqueue.core.result import ERROR_CHARACTERS
from syncqueue.core.task import TaskView
from syncqueue.dispatch.site_queues import get_queue
from syncqueue.models import Destination, SyncRecord
from syncqueue.sources.intents import record_task_id
from syncqueue.testing.conformance.babbler import BODIES, Babbler
from syncqueue.testing.conformance.promises import LOST_REMOVED, NONSENSE
from syncqueue.testing.conformance.scene import Site


def assert_refused(site: Site, record: SyncRecord) -> None:
    """Run a worker, and assert that the attempt fails with a reason for people."""
    site.work()
    record.refresh_from_db()
    assert record.state != "synced", "The handler has taken an answer that is none for a yes."
    assert 0 < len(record.error) <= ERROR_CHARACTERS, f"People read this reason: {record.error!r}"
    tracebacks = [one.traceback for one in _task(record).progress.history if one.traceback]
    assert tracebacks == [], f"The handler did not expect such an answer:\n{tracebacks[0]}"


def mend(site: Site, destination: Destination, record: SyncRecord) -> None:
    """Do what a person does when the service works again."""
    services.mend(destination, actor="a person")
    services.sync_records(SyncRecord.objects.filter(pk=record.pk), actor="a person")
    site.work_until(site.assert_settled)


# A deletion counts as done after a 200 with any JSON object: servers return different objects.
NO_ANSWER = [(200, "cut"), (200, "page"), (200, "null"), (502, "page"), (502, "deep")]


def _task(record: SyncRecord) -> TaskView:
    view = get_queue(record.service).get(record_task_id(record.pk))
    assert view is not None
    return view


@NONSENSE
class NonsenseCases:
    """Answers that are none end with a reason for people, and right in the end."""

    @pytest.mark.parametrize(
        ("status", "name"),
        [*((200, name) for name in BODIES), *((502, name) for name in ("page", "other types", "deep"))],
    )
    def test_a_create_answered_with_nonsense_ends_with_a_short_reason_and_right_once_the_service_is_itself_again(
        self, site: Site, babbler: Babbler, status: int, name: str
    ) -> None:
        destination = site.service.make_destination(address=site.service.at(babbler.url))
        babbler.status, babbler.body = status, BODIES[name]
        note = site.write("Hello")
        if site.service.reads_answers or status != 200:
            assert_refused(site, site.record(note))

        babbler.body = None
        site.change(note, text="Hello again")
        mend(site, destination, site.record(note))
        site.assert_shows("Hello again")

    @pytest.mark.parametrize(
        ("step", "status", "name"),
        [("update", 200, "other types"), *((step, *answer) for step in ("update", "delete") for answer in NO_ANSWER)],
    )
    def test_an_edit_or_a_deletion_answered_with_nonsense_is_made_once_the_service_is_itself_again(
        self, site: Site, babbler: Babbler, step: str, status: int, name: str
    ) -> None:
        if not site.service.reads_answers and status == 200:
            status = 503  # here every 200 is a success
        destination = site.service.make_destination(address=site.service.at(babbler.url))
        note = site.write("Hello")
        site.work_until(site.assert_settled)
        record = site.record(note)

        babbler.status, babbler.body = status, BODIES[name]
        if step == "delete":
            note.delete()
        else:
            site.change(note, text="Hello again")
        assert_refused(site, record)

        babbler.body = None
        mend(site, destination, record)
        site.assert_shows(*(["Hello again"] if step == "update" else []))

    @LOST_REMOVED
    @pytest.mark.parametrize(("status", "name"), [(200, "cut"), (502, "page"), (500, "other types")])
    def test_a_copy_that_was_made_and_answered_with_nonsense_goes_with_its_object(
        self, site: Site, babbler: Babbler, status: int, name: str
    ) -> None:
        if not site.service.reads_answers and status == 200:
            status = 502  # here every 200 is a success
        destination = site.service.make_destination(address=site.service.at(babbler.url))
        site.write("First")
        site.work_until(site.assert_settled)
        babbler.status, babbler.body, babbler.hands_on = status, BODIES[name], True
        note = site.write("Second")
        record = site.record(note)
        assert_refused(site, record)
        assert "Second" in site.service.texts()

        babbler.body = None
        note.delete()
        mend(site, destination, record)
        site.assert_shows("First")
