"""The webhook handler and a receiver over real HTTP: what each end and each refusal comes to."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from project.sandbox.testing import RunningSandbox
from syncqueue.core.errors import (
    DestinationBroken,
    PermanentError,
    RateLimited,
    Unavailable,
    Unreachable,
)
from syncqueue.handlers.base import Document, DocumentJob, HandlerConfig, JobStep, Place, RemotePart
from syncqueue.handlers.webhook.handler import WebhookHandler
from tests.loopback import serving

OTHER_SECRET = "whsec_" + base64.b64encode(b"a" * 32).decode()
HERE = ("127.0.0.1",)


def place(sandbox: RunningSandbox, *, secret: str = "", path: str = "/notes") -> Place:
    given = secret or sandbox.webhook_secret
    return Place(id=1, name="hook", address=f"{sandbox.webhook_url}{path}", secret={"secret": given})


def job(where: Place, step: JobStep = "create", parts: Sequence[RemotePart] = (), kept: list[Any] | None = None) -> Any:
    async def store(found: Sequence[RemotePart]) -> str:
        if kept is not None:
            kept.extend(found)
        return "next key"

    return DocumentJob(
        place=where,
        document=Document(text="Hello"),
        parts=parts,
        idempotency_key="key",
        uncertain=False,
        store=store,
        step=step,
        source="notes.note",
        object_pk="1",
    )


def run(given: Any, *, allowed: tuple[str, ...] = HERE, seconds: float = 20.0, options: Any = None) -> Any:
    async def go() -> Any:
        handler = WebhookHandler(
            HandlerConfig(
                service="webhook",
                attempt_timeout_seconds=seconds,
                allowed_private_hosts=allowed,
                options=options or {},
            )
        )
        try:
            return await (handler.check(given) if isinstance(given, Place) else getattr(handler, given.step)(given))
        finally:
            await handler.aclose()

    return asyncio.run(go())


def refused(given: Any, error: type[Exception], **figures: Any) -> str:
    with pytest.raises(error) as caught:
        run(given, **figures)
    return str(caught.value)


def test_a_signed_event_is_taken_once_however_often_it_is_sent(sandbox: RunningSandbox) -> None:
    run(job(place(sandbox)))
    run(job(place(sandbox)))
    [thing] = sandbox.received("notes")
    assert (thing["data"]["text"], thing["event_count"]) == ("Hello", 1)


def test_a_users_receiver_confirms_before_it_is_sent_anything_else(sandbox: RunningSandbox) -> None:
    run(job(replace(place(sandbox), is_users=True)))
    assert [entry["method"] for entry in sandbox.log()] == ["ping", "created"]
    assert "ping" in run(replace(place(sandbox), is_users=True))


def test_a_users_receiver_that_does_not_confirm_is_sent_nothing_else() -> None:
    with serving() as host:
        where = Place(
            id=1, name="hook", address=f"http://127.0.0.1:{host.port}/", secret={"secret": OTHER_SECRET}, is_users=True
        )
        for given in (job(where), job(where, "update"), where):
            assert "has not confirmed" in refused(given, DestinationBroken)
        assert len(host.peers) == 3  # a ping each
        run(job(replace(where, is_users=False)))
        run(job(where), options={"CONFIRM": False})


def test_a_receiver_confirms_once_for_each_destination_and_secret(sandbox: RunningSandbox) -> None:
    async def go() -> None:
        handler = WebhookHandler(HandlerConfig(service="webhook", allowed_private_hosts=HERE))
        where = replace(place(sandbox), is_users=True)
        try:
            for one in (where, where, replace(where, id=2)):
                await handler.create(job(one))
        finally:
            await handler.aclose()

    asyncio.run(go())
    assert [entry["method"] for entry in sandbox.log()].count("ping") == 2


def test_a_wrong_secret_breaks_the_destination(sandbox: RunningSandbox) -> None:
    assert "secret" in refused(job(place(sandbox, secret=OTHER_SECRET)), DestinationBroken)


def test_a_missing_secret_is_said_without_a_request(sandbox: RunningSandbox) -> None:
    given = place(sandbox, secret="whsec_short")
    assert "whsec_" in refused(job(given), DestinationBroken)
    assert sandbox.log() == []


def test_a_check_sends_a_ping_that_is_about_nothing(sandbox: RunningSandbox) -> None:
    assert "ping" in run(place(sandbox))
    assert [entry["method"] for entry in sandbox.log()] == ["ping"]
    assert sandbox.received("notes") == []


@pytest.mark.parametrize(
    ("status", "error"),
    [(410, DestinationBroken), (422, PermanentError), (500, Unavailable), (302, Unavailable), (308, DestinationBroken)],
)
def test_each_status_of_a_receiver_is_told_as_what_it_means_and_asked_for_once(
    sandbox: RunningSandbox, status: int, error: type[Exception]
) -> None:
    sandbox.set_mode("webhook", "error", status=status)
    assert str(status) in refused(job(place(sandbox)), error)
    assert len(sandbox.log()) == 1


def test_the_time_that_a_429_names_is_waited_for(sandbox: RunningSandbox) -> None:
    sandbox.set_mode("webhook", "limited", retry_after=17)
    with pytest.raises(RateLimited) as caught:
        run(job(place(sandbox)))
    assert caught.value.after_seconds == 17


def test_a_closed_port_is_unreachable(sandbox: RunningSandbox) -> None:
    sandbox.set_mode("webhook", "down")
    assert "127.0.0.1" in refused(job(place(sandbox)), Unreachable)


@pytest.mark.parametrize("mode", ["hang", "store-then-reset"])
def test_a_lost_answer_to_a_creation_is_an_outage_and_its_repetition_is_the_same_event(
    sandbox: RunningSandbox, mode: str
) -> None:
    kept: list[RemotePart] = []
    sandbox.set_mode("webhook", mode)
    refused(job(place(sandbox), kept=kept), Unavailable, seconds=2.0)
    sandbox.set_mode("webhook", "up")
    run(job(place(sandbox), "update", kept))
    first, second = sandbox.log()
    assert first["params"] == second["params"]
    assert (first["stored"], second["stored"]) == (True, False)


def test_a_lost_answer_to_a_change_is_tried_again_without_asking_anybody(sandbox: RunningSandbox) -> None:
    sandbox.set_mode("webhook", "store-then-reset")
    part = RemotePart(kind="object", id="notes.note:1", address=place(sandbox).address)
    refused(job(place(sandbox), "update", [part]), Unavailable)


def test_a_maintenance_page_says_nothing_about_the_event(sandbox: RunningSandbox) -> None:
    sandbox.set_mode("webhook", "error", status=404, html=True)
    assert "is the address right" in refused(job(place(sandbox)), Unavailable)


@pytest.mark.parametrize(
    ("address", "identity"),
    [
        ("https://Example.org/Hook?a=B", "https://example.org/Hook?a=B"),
        ("https://example.org", "https://example.org/"),
        ("no url", ""),
    ],
)
def test_a_receiver_is_its_url_in_one_spelling(address: str, identity: str) -> None:
    handler = WebhookHandler(HandlerConfig(service="webhook"))
    given = Place(id=1, name="hook", address=address)
    assert asyncio.run(handler.identify(given)) == identity
    assert handler.lost_part(given, "notes.note", "1").identity == identity


def test_a_private_address_is_never_connected_to_unless_the_settings_name_it(sandbox: RunningSandbox) -> None:
    refused(job(place(sandbox)), DestinationBroken, allowed=())
    on_tls = Place(
        id=1, name="hook", address=place(sandbox).address.replace("http:", "https:"), secret=place(sandbox).secret
    )
    assert "ALLOWED_PRIVATE_HOSTS" in refused(job(on_tls), DestinationBroken, allowed=())
    assert sandbox.log() == []


@pytest.mark.parametrize(
    ("address", "options", "secret"),
    [
        ("http://example.org/hook", {}, OTHER_SECRET),
        ("https://user:password@example.org/hook", {}, OTHER_SECRET),
        ("not a URL", {}, OTHER_SECRET),
        ("https://example.org/hook", {"odd": 1}, OTHER_SECRET),
        ("https://example.org/hook", {}, "whsec_short"),
        ("https://example.org/hook", {}, ""),
    ],
)
def test_a_form_of_a_destination_that_cannot_work_is_refused(address: str, options: Any, secret: str) -> None:
    handler = WebhookHandler(HandlerConfig(service="webhook"))
    with pytest.raises(ValueError, match=r"\w+ \w+") as caught:
        handler.clean(address, options, {"secret": secret})
    assert "password@" not in str(caught.value)
    handler.clean("https://example.org/hook", {}, {"secret": OTHER_SECRET})
