"""A token that a service quotes is found nowhere: neither in a record, Redis, a log, a page nor a command."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue import get_queue, services
from syncqueue.core.errors import SyncQueueError
from syncqueue.core.task import TaskState
from syncqueue.handlers.base import Place
from syncqueue.models import Destination, SyncRecord
from syncqueue.secrets import REDACTED, mask, scrub
from tests.hostile.conftest import TOKEN
from tests.hostile.handlers import Failure, spellings
from tests.integration.sync.scene import make_destination
from tests.integration.sync.test_secrecy import redis_dump

# Pieces of the token, of its base64, of its hexadecimal and of its quoted spelling: no text has them by chance.
TRACES = ("planted/token", "planted%2Ftoken", "every-sign", "cGxhbnRlZC90b2", TOKEN.encode().hex()[8:24])


def traces(text: str) -> list[str]:
    return [trace for trace in (*TRACES, spellings(TOKEN).split(" | ")[2][8:24]) if trace in text]


def pages(service: str) -> dict[str, str]:
    """What staff see of it."""
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    api, admin = "/api/admin/sync-queue/", "/admin/syncqueue/"
    paths = [f"{api}{service}/tasks?state={state}" for state in TaskState] + [f"{admin}destination/"]
    queue = get_queue(service)
    paths += [f"{api}{service}/tasks/{view.id}" for state in TaskState for view in queue.page(state).tasks]
    for row in Destination.objects.all():
        paths.append(f"{admin}destination/{row.pk}/change/")
        for button in ("check", "send-test"):
            client.post(f"{admin}destination/{row.pk}/{button}/")
    paths += [f"{admin}syncrecord/{record.pk}/change/" for record in SyncRecord.objects.all()]
    found = {path: client.get(path, follow=True) for path in paths}
    assert {path: answer.status_code for path, answer in found.items() if answer.status_code != 200} == {}
    return {path: answer.content.decode() for path, answer in found.items()}


def examine(
    service: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], folder: Path
) -> dict[str, str]:
    """Every text that is left or shown."""
    found = {**pages(service), "redis": redis_dump()}
    for words in (["doctor"], ["doctor", "--json"], ["stats"]):
        with suppress(SystemExit):
            call_command("syncqueue", *words)
    call_command("dumpdata", "syncqueue", output=str(folder / "dump.json"), verbosity=0)
    found["commands"] = "".join(capsys.readouterr())
    found["database"] = (folder / "dump.json").read_text()
    formatter = logging.Formatter("%(message)s %(args)s")
    found["logs"] = caplog.text + "".join(formatter.format(record) for record in caplog.records)
    return found


@pytest.mark.parametrize("address", ["contract.example:443", "echo.example:443"])
def test_what_a_handler_quotes_is_found_nowhere(
    address: str,
    writer: User,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    caplog.set_level(logging.DEBUG)
    row = Destination(name="place", service="echo", address=address)
    row.secret = {"token": TOKEN}
    row.save()
    Note.objects.create(owner=writer, text="First")
    assert REDACTED in SyncRecord.objects.get().error
    found = examine("echo", caplog, capsys, tmp_path)
    assert {place: left for place, text in found.items() if (left := traces(text))} == {}


def test_what_telegram_quotes_is_found_nowhere(
    writer: User,
    sandbox: RunningSandbox,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    caplog.set_level(logging.INFO)
    make_destination(sandbox)
    hidden = sandbox.bot_token.partition(":")[2]
    sandbox.set_mode("telegram", "error", status=400, description=f"Bad Request: not {hidden} {hidden[:-4]}")
    Note.objects.create(owner=writer, text="First")
    assert REDACTED in SyncRecord.objects.get().error
    found = examine("telegram", caplog, capsys, tmp_path)
    assert [place for place, text in found.items() if hidden[:-4] in text] == []


@pytest.mark.parametrize("call", [services.check_destination, services.send_test])
def test_a_service_call_of_a_request_raises_without_the_token(call: Any) -> None:
    row = Destination(name="place", service="echo", address="echo.example:443")
    row.secret = {"token": TOKEN}
    row.save()
    with pytest.raises(SyncQueueError) as caught:
        call(row)
    chain = [caught.value, caught.value.__cause__, caught.value.__context__]
    assert traces("".join(map(repr, chain))) == []
    assert REDACTED in str(caught.value)


def test_finding_places_raises_without_the_token() -> None:
    with pytest.raises(SyncQueueError) as caught:
        services.find_places("echo", {"token": TOKEN})
    assert traces(str(caught.value)) == []


def test_a_place_does_not_show_its_secret() -> None:
    assert TOKEN not in repr(Place(id=1, name="place", address="x", secret={"token": TOKEN}))


class TestMask:
    """The one function that takes a job's own secrets out of a text."""

    def test_leaves_other_text_alone(self) -> None:
        assert mask("The chat 42 does not exist.", {"token": TOKEN, "empty": ""}) == "The chat 42 does not exist."

    def test_masks_each_spelling_and_keeps_the_words_around_it(self) -> None:
        cleaned = mask(f"Refused: {spellings(TOKEN)} at once", {"token": TOKEN})
        assert traces(cleaned) == []
        assert cleaned.startswith("Refused: [secret]") and cleaned.endswith(" at once")

    @pytest.mark.parametrize("length", range(12, len(TOKEN)))
    def test_masks_a_quotation_that_was_cut_off(self, length: int) -> None:
        for piece in (TOKEN[:length], TOKEN[-length:]):
            assert mask(f"{piece}...", {"token": TOKEN}) == f"{REDACTED}..."

    def test_masks_a_short_password_as_a_whole(self) -> None:
        assert mask("wrong: hunter2", {"password": "hunter2"}) == f"wrong: {REDACTED}"

    @pytest.mark.parametrize("text", ["q\"uo\\te'd secret <&> word", "schlüssel-mit-ümlaut-ß"])
    def test_masks_what_is_escaped(self, text: str) -> None:
        import html
        import json

        secret = {"password": text}
        for spelled in (json.dumps({"x": text}), repr([text]), html.escape(text), json.dumps(text, ensure_ascii=False)):
            assert text[:5] not in mask(spelled, secret)

    def test_scrubs_an_exception_with_its_causes_and_attributes(self) -> None:
        inner, outer = KeyError(TOKEN), OSError(5, f"refused {TOKEN}", f"/{TOKEN}")
        outer.__cause__ = inner
        failure = Failure([{"header": TOKEN}], TOKEN.encode())
        failure.text = TOKEN  # type: ignore[attr-defined]
        inner.__context__ = failure
        scrub(outer, {"token": TOKEN})
        shown = f"{outer} {outer!r} {inner} {failure} {vars(failure)}"
        assert TOKEN not in shown and shown.count(REDACTED) >= 5
