"""Destinations that the settings declare: what the settings say now counts, and what they said once is not held against
them; and `mend`, for all."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue.core.hold import stopped
from syncqueue.models import Destination
from syncqueue.sources import destinations
from syncqueue.sources.destinations import ensure_declared, mark_broken
from tests.integration.commands.calling import call
from tests.integration.sync.scene import configure, hold_names, make_destination, queue, record_of, texts, work

pytestmark = pytest.mark.django_db(transaction=True)


def declare(sandbox: RunningSandbox, **values: Any) -> None:
    """Declare the destination "news", in what acts as a process of its own."""
    entry = {"SERVICE": "telegram", "ADDRESS": "@news", "SECRET": {"token": sandbox.bot_token}}
    configure(DESTINATIONS={"news": {**entry, **values}})


def declared() -> Destination:
    return Destination.objects.get(declared="news")


def refuse(reason: str = "chat not found") -> None:
    """What an attempt of this process does that is refused."""
    assert mark_broken(declared().pk, reason, timezone.now()) is not None
    queue().hold(stopped(declared().pk).name, None, reason)


def test_doctor_judges_the_settings_and_not_the_row_of_the_last_start(sandbox: RunningSandbox) -> None:
    declare(sandbox)
    ensure_declared()
    declare(sandbox, ADDRESS="@nowhere_at_all")
    said = call("doctor").out
    assert "[WRONG] telegram: news:" in said and "SYNCQUEUE['DESTINATIONS']['news']" in said
    declare(sandbox)
    assert "[ok]    telegram: news:" in call("doctor").out


@pytest.mark.parametrize(
    "changed",
    [{"ADDRESS": "@other"}, {"SECRET": {"token": "1:changed"}}, {"OPTIONS": {"preview": False}}],
    ids=["address", "secret", "options"],
)
def test_a_refusal_of_other_settings_is_forgotten_when_they_change(
    sandbox: RunningSandbox, changed: dict[str, Any]
) -> None:
    declare(sandbox, **changed)
    ensure_declared()
    refuse()
    declare(sandbox)
    ensure_declared()
    assert declared().broken_reason == ""
    assert hold_names() == []


def test_a_refusal_of_these_settings_stays(sandbox: RunningSandbox) -> None:
    declare(sandbox)
    ensure_declared()
    refuse()
    declare(sandbox)  # another process with the same settings
    ensure_declared()
    assert declared().broken_reason == "chat not found"


def test_a_refusal_by_a_process_that_has_the_old_settings_still_is_forgotten_at_the_next_start(
    sandbox: RunningSandbox,
) -> None:
    declare(sandbox, ADDRESS="@old")
    ensure_declared()
    declare(sandbox)
    ensure_declared()  # the web process starts with the new settings
    declare(sandbox, ADDRESS="@old")
    refuse()  # the old worker is still there
    declare(sandbox)
    ensure_declared()  # the new worker starts
    assert declared().broken_reason == ""


def test_with_mended_settings_what_waited_goes_out(sandbox: RunningSandbox, writer: User) -> None:
    declare(sandbox, SECRET={"token": "1:wrong"})
    note = Note.objects.create(text="It waited", owner=writer)
    work()
    assert declared().broken_reason and record_of(note).state == "waiting"
    declare(sandbox)
    work()
    assert texts(sandbox) == ["It waited"]


def test_neither_secret_nor_a_plain_hash_of_it_is_stored(sandbox: RunningSandbox, settings: Any) -> None:
    declare(sandbox)
    first = destinations.declared_fingerprint("news")
    settings.SECRET_KEY = "another"
    assert destinations.declared_fingerprint("news") != first
    assert sandbox.bot_token not in first


class TestMend:
    """`manage.py syncqueue mend NAME`."""

    def test_it_lets_go_of_what_waits(self, sandbox: RunningSandbox, writer: User) -> None:
        place = make_destination(sandbox)
        sandbox.set_mode("telegram", "unauthorized")
        Note.objects.create(text="It waited", owner=writer)
        work()
        place.refresh_from_db()
        assert place.broken_reason
        sandbox.set_mode("telegram", "up")
        said = call("mend", "@news", "--json")
        assert (said.code, said.data["id"]) == (0, place.pk)
        work()
        assert texts(sandbox) == ["It waited"]
        place.refresh_from_db()
        assert place.broken_reason == ""

    def test_of_several_with_one_name_the_id_or_the_service_says_which(self, sandbox: RunningSandbox) -> None:
        first, second = make_destination(sandbox, name="news"), make_destination(sandbox, name="news")
        said = call("mend", "news")
        assert said.code == 1 and str(first.pk) in said.err and str(second.pk) in said.err
        assert call("mend", str(second.pk), "--json").data["id"] == second.pk

    def test_an_unknown_name_is_answered_with_those_that_are_refused(self, sandbox: RunningSandbox) -> None:
        make_destination(sandbox, name="news", broken_reason="kicked")
        said = call("mend", "nwes")
        assert said.code == 1 and "'nwes'" in said.err and "news" in said.err

    def test_doctor_says_the_command(self, sandbox: RunningSandbox) -> None:
        make_destination(sandbox, name="my news", broken_reason="Was kicked.")
        assert "manage.py syncqueue mend 'my news'" in call("doctor").out
