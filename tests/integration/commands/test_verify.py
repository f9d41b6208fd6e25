"""`verify` as a person sees it, with handlers of a site's own among the services."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connections

from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue import CopyPage, CopyState, DocumentJob, Unavailable, site
from syncqueue.handlers.base import Place
from syncqueue.handlers.telegram.handler import TelegramHandler
from syncqueue.management.subcommands import verify as command
from syncqueue.models import Destination, SyncRecord, Verification
from syncqueue.services import verifying
from tests.integration.api.handlers import SecondHandler
from tests.integration.commands.calling import call
from tests.integration.sync.conftest import channel, forget_all, own_site, writer
from tests.integration.sync.scene import configure, make_destination, texts, work

__all__ = ["channel", "own_site", "writer"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def own_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Override the fixture of the API tests: `own_site` provides a site. Questions are asked without pauses."""
    monkeypatch.setattr(TelegramHandler, "read_pause_seconds", 0.0)
    monkeypatch.setattr(verifying, "PAUSES_SECONDS", (0.01,))


class Readable(SecondHandler):
    """A service of the site that is asked for three copies at a time. `says` is what it says."""

    batch_size = 3
    says: dict[str, Any] = {}  # noqa: RUF012 - set by each test
    asked: list[list[str]] = []  # noqa: RUF012 - emptied by each test

    async def read(self, jobs: Sequence[DocumentJob]) -> Sequence[CopyState | Exception]:
        self.asked.append([job.object_pk for job in jobs])
        answers = [self.says.get(job.object_pk, CopyState.SAME) for job in jobs]
        for answer in answers:
            if isinstance(answer, type):
                raise answer("all of it")
        return answers


class Busy(Readable):
    """One whose copies are changed by others while they are looked at."""

    async def read(self, jobs: Sequence[DocumentJob]) -> Sequence[CopyState | Exception]:
        await asyncio.to_thread(self._change)
        return [CopyState.GONE for _ in jobs]

    def _change(self) -> None:
        SyncRecord.objects.filter(pk=SyncRecord.objects.earliest("pk").pk).update(generation="another")
        connections.close_all()


class Listing(Readable):
    """One that lists nonsense."""

    async def read_all(self, place: Place, after: str) -> CopyPage | None:
        return ["nonsense"]  # type: ignore[return-value]


@pytest.fixture
def shelf(writer: User, monkeypatch: pytest.MonkeyPatch) -> list[Note]:
    """A destination of such a service beside no other, with four notes."""
    monkeypatch.setattr(Readable, "says", {})
    monkeypatch.setattr(Readable, "asked", [])
    return make_shelf(writer, "Readable")


def make_shelf(writer: User, kind: str) -> list[Note]:
    """A destination of a handler of this module."""
    configure(HANDLERS={"shelf": {"CLASS": f"{__name__}.{kind}"}})
    forget_all()
    Destination.objects.create(name="The shelf", service="shelf", address="shelf")
    return [Note.objects.create(owner=writer, text=f"Note {number}") for number in range(4)]


def test_a_person_reads_what_is_wrong_and_where_to_look(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    note = Note.objects.create(owner=writer, text="One")
    Note.objects.create(owner=writer, text="Two")
    record = SyncRecord.objects.get(object_pk=str(note.pk))
    sandbox.remove_message("@news", int(record.parts[0]["id"]))
    said = call("verify")
    first, found, advice = said.out.strip().splitlines()
    assert said.code == 1
    assert first.startswith("@news: ") and "2 copies checked. 1 missing there." in first
    assert first.endswith("The service cannot list other copies.")
    assert found == f"  notes.note:{note.pk}: missing there ({record.parts[0]['url']})"
    assert advice == "  --mend lets workers send them again."
    said = call("verify", "--mend")
    assert (said.code, said.out.splitlines()[0].count("1 record was queued again.")) == (0, 1)
    work()
    assert call("verify").out.count("No differences.") == 1


def test_a_terminal_shows_how_far_it_is_and_a_script_reads_json_alone(channel: Destination, writer: User) -> None:
    for text in ("One", "Two"):
        Note.objects.create(owner=writer, text=text)
    said = call("verify", terminal=True)
    assert "@news [" in said.err and "2 / 2" in said.err
    assert call("verify", "--json", terminal=True).err == ""
    assert call("verify").err == ""


def test_many_things_found_are_counted_and_not_all_named(
    channel: Destination, writer: User, monkeypatch: pytest.MonkeyPatch, sandbox: RunningSandbox
) -> None:
    monkeypatch.setattr(command, "MOST_NAMED", 2)
    for number in range(4):
        Note.objects.create(owner=writer, text=f"Note {number}")
    for message in sandbox.messages("@news"):
        sandbox.remove_message("@news", message["message_id"])
    said = call("verify")
    assert "4 missing there." in said.out and said.out.count("notes.note:") == 2
    assert "  and 2 more" in said.out


def test_only_the_destination_or_service_named_is_asked(writer: User, sandbox: RunningSandbox) -> None:
    make_destination(sandbox), make_destination(sandbox, "@drafts")
    Note.objects.create(owner=writer, text="One")
    assert [one["destination"] for one in call("verify", "--json").data] == ["@news", "@drafts"]
    assert [one["destination"] for one in call("verify", "--destination", "@drafts", "--json").data] == ["@drafts"]
    assert len(call("verify", "--service", "telegram", "--json").data) == 2
    assert call("verify", "--service", "nowhere").code == 1
    assert call("verify", "--destination", "nowhere").code == 1
    assert call("verify", "--service", "telegram", "--destination", "@news").code == 1


def test_two_destinations_of_one_name_are_told_apart(writer: User, sandbox: RunningSandbox) -> None:
    make_destination(sandbox), make_destination(sandbox, "@drafts", name="@news")
    Note.objects.create(owner=writer, text="One")
    (message,) = sandbox.messages("@drafts")
    sandbox.remove_message("@drafts", message["message_id"])
    assert [len(one["found"]) for one in call("verify", "--json").data] == [0, 1]


def test_without_destinations_there_is_nothing_to_do(own_site: None) -> None:
    said = call("verify")
    assert (said.code, said.out.strip()) == (0, "There are no destinations.")


def test_a_handler_that_cannot_look_is_named(writer: User) -> None:
    configure(HANDLERS={"shelf": {"CLASS": "tests.integration.api.handlers.SecondHandler"}})
    forget_all()
    Destination.objects.create(name="The shelf", service="shelf", address="shelf")
    assert call("verify").out.strip() == "The shelf: copies at this service cannot be read."
    assert not Verification.objects.exists()


def test_a_handler_is_asked_for_as_many_copies_at_once_as_it_says(shelf: list[Note]) -> None:
    pks = [str(note.pk) for note in shelf]
    assert call("verify").code == 0
    assert Readable.asked == [pks[:3], pks[3:]]


def test_one_copy_that_breaks_the_handler_is_told_and_the_others_are_looked_at(shelf: list[Note]) -> None:
    pks = [str(note.pk) for note in shelf]
    Readable.says = {pks[1]: KeyError, pks[2]: CopyState.GONE}
    said = call("verify", "--json").data[0]
    assert (said["finished"], said["looked"], said["gone"], said["untold"]) == (True, 4, 1, 1)
    (untold,) = [one for one in said["found"] if one["drift"] == "untold"]
    assert untold["object"] == f"notes.note:{pks[1]}" and "KeyError" in untold["reason"]


def test_one_copy_for_which_the_service_seems_away_is_told_as_long_as_it_answers_otherwise(shelf: list[Note]) -> None:
    pks = [str(note.pk) for note in shelf]
    Readable.says = {pks[0]: Unavailable}
    said = call("verify", "--json").data[0]
    assert (said["finished"], said["looked"], said["untold"]) == (True, 4, 1)


@pytest.mark.parametrize("nonsense", [None, "same", 7, ValueError("not this one")])
def test_what_is_no_answer_is_told_as_such(shelf: list[Note], nonsense: Any) -> None:
    Readable.says = {str(shelf[0].pk): nonsense}
    said = call("verify", "--json").data[0]
    assert (said["finished"], said["looked"], said["untold"]) == (True, 4, 1)
    assert said["found"][0]["reason"]


def test_a_list_of_nonsense_stops_it_and_the_records_need_not_be_looked_at_again(
    writer: User, shelf: list[Note]
) -> None:
    configure(HANDLERS={"shelf": {"CLASS": f"{__name__}.Listing"}})
    said = call("verify", "--json").data[0]
    assert (said["finished"], said["looked"], "CopyPage is expected" in said["stopped"]) == (False, 4, True)
    Readable.asked.clear()
    again = call("verify", "--json").data[0]
    assert (again["finished"], again["went_on"], Readable.asked) == (False, True, [])


def test_what_changes_while_it_is_looked_at_is_not_told(writer: User, shelf: list[Note]) -> None:
    configure(HANDLERS={"shelf": {"CLASS": f"{__name__}.Busy"}})
    assert call("verify", "--json").data[0]["gone"] == len(shelf) - 1


def test_a_copy_at_a_former_place_that_is_not_wanted_is_told_without_asking(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    note = Note.objects.create(owner=writer, text="One")
    Destination.objects.update(address="@drafts", identities={})
    assert call("verify", "--json").data[0]["unwanted"] == 0
    Note.objects.filter(pk=note.pk)._raw_delete("default")
    said = call("verify", "--mend", "--json").data[0]
    assert (said["looked"], said["unwanted"]) == (1, 1)
    work()
    assert texts(sandbox) == []


def test_a_handler_that_cannot_be_made_is_named_and_the_others_are_asked(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    Note.objects.create(owner=writer, text="One")
    Destination.objects.create(name="The shelf", service="shelf", address="shelf")
    handlers = {**settings.SYNCQUEUE["HANDLERS"], "shelf": {"CLASS": "nowhere.Handler"}}
    configure(HANDLERS=handlers)
    said = call("verify")
    assert said.code == 1
    assert "1 copy checked. No differences." in said.out
    assert "The shelf: SYNCQUEUE['HANDLERS']['shelf']: cannot import nowhere.Handler" in said.out


def test_a_database_of_another_environment_asks_nobody(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    Note.objects.create(owner=writer, text="One")
    before = len(sandbox.log())
    configure(ENVIRONMENT="staging")
    site.forget()
    said = call("verify")
    assert said.code == 1 and "staging" in said.err
    assert len(sandbox.log()) == before


def point_at(note: Note, **values: str) -> None:
    """Let the note's record say something else of its message."""
    record = SyncRecord.objects.get(object_pk=str(note.pk))
    record.parts = [{**record.parts[0], **values}]
    record.save()


def test_a_message_of_another_form_is_told_and_replaced(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    point_at(Note.objects.create(owner=writer, text="One"), kind="document")
    assert call("verify", "--json").data[0]["changed"] == 1
    call("verify", "--mend")
    work()
    assert texts(sandbox) == ["One"]
    assert call("verify").code == 0


def test_a_number_with_somebody_elses_message_cannot_be_told(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    sandbox.set_rights("@news", can_edit_messages=False)
    number = sandbox.post_as_somebody("@news", "Not ours")
    point_at(Note.objects.create(owner=writer, text="One"), id=str(number))
    said = call("verify", "--mend", "--json").data[0]
    assert (said["untold"], said["mended"]) == (1, 0)
    assert f"the number {number} in @news is not the bot's own" in said["found"][0]["reason"]
    work()
    assert texts(sandbox) == ["Not ours", "One"]


def test_no_secret_is_in_what_is_told(writer: User, shelf: list[Note], caplog: pytest.LogCaptureFixture) -> None:
    row = Destination.objects.get()
    row.secret = {"password": "a-password-nobody-may-see"}
    row.save()
    Readable.says = {str(shelf[0].pk): ValueError("a-password-nobody-may-see was refused")}
    said = call("verify")
    assert "a-password-nobody" not in said.out + said.err + caplog.text
    assert "was refused" in said.out
