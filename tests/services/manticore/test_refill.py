"""A table that vanished: the dashboard says so and offers to write its rows again."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue.models import Destination, SyncRecord, Walk
from syncqueue.sources import walks
from syncqueue.sources.registry import source_for
from syncqueue.worker.sweeper import enqueue_all, sweep_source
from tests.integration.api.people import client_of
from tests.integration.commands.calling import call
from tests.services.manticore.conftest import fill, work
from tests.services.manticore.test_troubles import contents

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("index")]

DASHBOARD = "/admin/syncqueue/queue/"


@pytest.fixture
def person(own_site: None) -> Client:
    """Somebody who may operate the queues."""
    return client_of("operator")


def page(person: Client, path: str = DASHBOARD) -> str:
    """What a person sees."""
    return person.get(path).content.decode()


def refill_page(index: Destination) -> str:
    """Where the button leads to."""
    return reverse("admin:syncqueue_destination_refill", args=[index.pk])


def lose_the_table(sandbox: RunningSandbox, writer: User) -> list[Note]:
    """Five rows are gone with their table, and another save has made it anew."""
    notes = fill(writer, *(f"Note {number}" for number in range(5)))
    sandbox.manticore_sql("DROP TABLE notes")
    return notes + fill(writer, "After that")


def let_workers_walk() -> None:
    """A round of the worker's sweep, and the work that comes of it."""
    source = source_for(Note)
    assert source is not None
    sweep_source(source)
    work()


def test_the_dashboard_tells_of_the_lost_rows_and_its_button_has_them_written_again(
    sandbox: RunningSandbox, writer: User, index: Destination, person: Client
) -> None:
    lose_the_table(sandbox, writer)
    seen = page(person)
    assert "search had disappeared and was created again" in seen
    assert "5 copies are missing." in seen
    assert refill_page(index) in seen
    question = person.get(refill_page(index)).content.decode()
    assert escape("According to the records, 6 objects have copies at “search”.") in question
    assert contents(sandbox) == ["After that"] and not Walk.objects.exists()  # to ask changes nothing
    answer = person.post(refill_page(index), follow=True)
    assert "A worker writes the copies of search again." in answer.content.decode()
    assert set(SyncRecord.objects.values_list("state", flat=True)) == {"synced"}
    let_workers_walk()
    assert contents(sandbox) == ["After that", *(f"Note {number}" for number in range(5))]
    assert set(SyncRecord.objects.values_list("state", flat=True)) == {"synced"}
    assert "missing" not in page(person)
    assert LogEntry.objects.get().change_message == "search: refill"


def test_rows_that_are_there_are_left_alone_by_who_may_only_look(
    sandbox: RunningSandbox, writer: User, index: Destination, person: Client
) -> None:
    lose_the_table(sandbox, writer)
    viewer = client_of("viewer")
    seen = page(viewer)
    assert "5 copies are missing." in seen
    assert refill_page(index) not in seen
    assert viewer.post(refill_page(index)).status_code == 403
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get(username="operator"))
    assert strict.post(refill_page(index)).status_code == 403
    assert not Walk.objects.exists()


def test_a_destination_that_lost_nothing_is_not_written_again(
    sandbox: RunningSandbox, writer: User, index: Destination, person: Client
) -> None:
    fill(writer, "First")
    assert "missing" not in page(person)
    answer = person.post(refill_page(index), follow=True)
    assert "No copies of search are missing." in answer.content.decode()
    assert not Walk.objects.exists()


def test_a_walk_that_a_worker_did_not_finish_is_continued_and_writes_each_row(
    sandbox: RunningSandbox, writer: User, index: Destination, person: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncqueue.sources.walk.CHUNK", 2)
    lose_the_table(sandbox, writer)
    person.post(refill_page(index))
    (walk,) = Walk.objects.all()
    source = source_for(Note)
    assert source is not None
    assert enqueue_all(walks.advance(source, walk, most_chunks=1)) == 2
    assert Walk.objects.get().position  # where the next worker goes on
    let_workers_walk()
    assert len(contents(sandbox)) == 6
    assert not Walk.objects.exists()


@pytest.mark.parametrize("words", [["resync", "--destination", "search", "--force", "--noinput"], ["verify", "--mend"]])
def test_the_commands_do_the_same_and_the_notice_goes(
    sandbox: RunningSandbox, writer: User, index: Destination, person: Client, words: list[str]
) -> None:
    lose_the_table(sandbox, writer)
    call(*words)
    work()
    assert len(contents(sandbox)) == 6
    assert "missing" not in page(person)


def test_what_verify_has_found_in_an_index_is_corrected_from_the_dashboard_row_by_row(
    sandbox: RunningSandbox, writer: User, index: Destination, person: Client
) -> None:
    fill(writer, "One", "Two", "Three")
    sandbox.manticore_sql("TRUNCATE TABLE notes")  # the table is there, so it was not created again
    assert "missing there" not in page(person)
    assert call("verify").code == 1
    differences = reverse("admin:syncqueue_queue_findings", args=[index.pk])
    assert "3 missing there." in page(person) and differences in page(person)
    assert refill_page(index) not in page(person)  # it would write all other rows again too
    person.post(differences)
    work()
    assert contents(sandbox) == ["One", "Three", "Two"]
    assert differences not in page(person)
    assert call("verify").code == 0


def test_the_destinations_page_says_what_the_last_verification_has_found(
    sandbox: RunningSandbox, writer: User, index: Destination, person: Client
) -> None:
    fill(writer, "One", "Two")
    path = reverse("admin:syncqueue_destination_change", args=[index.pk])
    client = Client()
    client.force_login(User.objects.create_superuser("boss"))
    assert "looked at" not in client.get(path).content.decode()
    call("verify")
    seen = client.get(path).content.decode()
    assert "2 copies checked. No differences." in seen
    sandbox.manticore_sql("DROP TABLE notes")
    call("verify")
    seen = client.get(path).content.decode()
    assert "2 copies checked. 2 missing there." in seen
    assert refill_page(index) in seen
