"""One session for all workers of a destination: stored encrypted, renewed once, and by the password only at last."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from project.sandbox.testing import RunningSandbox
from syncqueue import DestinationBroken, RateLimited, Unavailable
from syncqueue.handlers.bluesky.handler import BlueskyHandler
from syncqueue.handlers.public import Place
from syncqueue.models import Destination, ServiceSession
from tests.services.bluesky.desk import LOGIN, PUT, REFRESH, Desk

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def place(desk: Desk, settings: Any) -> Iterator[Place]:
    """The place of a destination that is stored."""
    settings.SYNCQUEUE = {
        **settings.SYNCQUEUE,
        "HANDLERS": {"bluesky": {"OPTIONS": desk.config.options}},
        "ALLOWED_PRIVATE_HOSTS": ["127.0.0.1"],
    }
    row = Destination(name="Notes", service="bluesky", address=desk.place.address)
    row.secret = dict(desk.place.secret)
    row.save()
    desk.place = replace(desk.place, id=row.pk)
    yield desk.place


def counts(sandbox: RunningSandbox) -> tuple[int, int]:
    """Logins and refreshes that were answered."""
    state = sandbox.state()["services"]["bluesky"]
    return state["login_count"], state["refresh_count"]


def together(desk: Desk, count: int, act: Callable[[BlueskyHandler], Awaitable[Any]]) -> None:
    """`act` with so many handlers at once, each with a memory of its own, as processes have."""

    async def main() -> None:
        handlers = [BlueskyHandler(desk.config) for _ in range(count)]
        try:
            await asyncio.gather(*map(act, handlers))
        finally:
            for handler in handlers:
                await handler.aclose()

    asyncio.run(main())


def test_all_processes_share_one_login(desk: Desk, place: Place) -> None:
    together(desk, 6, lambda handler: handler.check(place))
    desk.create("Hello")
    assert counts(desk.sandbox) == (1, 0)


def test_an_access_token_that_ends_soon_is_renewed_by_one_process_alone(desk: Desk, place: Place) -> None:
    desk.sandbox.set_options("bluesky", access_seconds=60)
    desk.run(lambda handler: handler.check(place))
    desk.sandbox.set_options("bluesky", access_seconds=7200)
    together(desk, 6, lambda handler: handler.check(place))
    assert counts(desk.sandbox) == (1, 1)


def test_an_access_token_that_is_refused_is_renewed_without_a_login(desk: Desk, place: Place) -> None:
    desk.run(lambda handler: handler.check(place))
    desk.sandbox.expire_sessions()
    desk.create("Hello")
    assert desk.texts() == ["Hello"]
    assert counts(desk.sandbox) == (1, 1)


def test_only_a_refused_refresh_token_leads_to_a_login(desk: Desk, place: Place) -> None:
    desk.run(lambda handler: handler.check(place))
    desk.sandbox.expire_sessions(refresh=True)
    desk.run(lambda handler: handler.check(place))
    assert counts(desk.sandbox) == (2, 0)


def test_while_the_server_is_away_nobody_logs_in_anew(desk: Desk, place: Place) -> None:
    desk.run(lambda handler: handler.check(place))
    desk.sandbox.expire_sessions()
    desk.sandbox.set_mode("bluesky", "error")
    with pytest.raises(Unavailable):
        desk.run(lambda handler: handler.check(place))
    desk.sandbox.set_mode("bluesky", "up")
    desk.run(lambda handler: handler.check(place))
    assert counts(desk.sandbox)[0] == 1
    assert [entry["method"] for entry in desk.requests(LOGIN)] == [LOGIN]


def test_the_answer_to_a_refresh_may_be_lost(desk: Desk, place: Place) -> None:
    desk.run(lambda handler: handler.check(place))
    desk.sandbox.expire_sessions()
    desk.sandbox.plan_answers("bluesky", {"mode": "store-then-reset", "method": REFRESH})
    desk.run(lambda handler: handler.check(place))
    assert counts(desk.sandbox) == (1, 2)  # the second gave the same next token


def test_no_token_is_stored_in_the_clear(desk: Desk, place: Place) -> None:
    desk.run(lambda handler: handler.check(place))
    (row,) = ServiceSession.objects.values()
    assert row["secret_text"]
    assert "eyJ" not in str(row) and "did:" not in str(row)
    assert (row["holder"], row["held_until"]) == ("", None)


@pytest.mark.parametrize("field", ["address", "secret"])
def test_a_session_is_not_used_for_another_account_or_password(desk: Desk, place: Place, field: str) -> None:
    desk.run(lambda handler: handler.check(place))
    other = desk.sandbox.bluesky_second_account
    changed = {"address": other.handle} if field == "address" else {"secret": {"password": "another"}}
    with pytest.raises(DestinationBroken, match="app password"):
        desk.run(lambda handler: handler.check(replace(place, **changed)))
    assert desk.requests(PUT) == []


def test_a_session_that_was_copied_to_another_destination_is_not_opened(desk: Desk, place: Place) -> None:
    desk.run(lambda handler: handler.check(place))
    row = Destination(name="Copy", service="bluesky", address=place.address)
    row.secret = dict(place.secret)
    row.save()
    ServiceSession.objects.create(destination=row, secret_text=ServiceSession.objects.get().secret_text)
    desk.run(lambda handler: handler.check(replace(place, id=row.pk)))
    assert counts(desk.sandbox) == (2, 0)


def test_a_process_that_died_while_it_renewed_holds_nobody_up_for_long(desk: Desk, place: Place) -> None:
    past = timezone.now() - timedelta(seconds=1)
    ServiceSession.objects.create(destination_id=place.id, holder="of the dead", held_until=past)
    desk.create("Hello")
    assert desk.texts() == ["Hello"]


def test_while_another_process_renews_this_task_waits_for_its_own(desk: Desk, place: Place) -> None:
    desk.config = replace(desk.config, attempt_timeout_seconds=3.0)
    later = timezone.now() + timedelta(minutes=1)
    ServiceSession.objects.create(destination_id=place.id, holder="another", held_until=later)
    with pytest.raises(RateLimited, match="Another process is renewing") as caught:
        desk.create("Hello")
    assert caught.value.scope == "task"
    assert desk.requests() == []


def test_the_limit_of_logins_is_waited_out(desk: Desk, place: Place) -> None:
    desk.sandbox.set_options("bluesky", login_limit=1)
    desk.run(lambda handler: handler.check(place))
    desk.sandbox.expire_sessions(refresh=True)
    with pytest.raises(RateLimited) as caught:
        desk.run(lambda handler: handler.check(place))
    assert 200 < caught.value.after_seconds <= 301


def test_a_wrong_password_stops_the_destination(desk: Desk, place: Place) -> None:
    with pytest.raises(DestinationBroken, match="Invalid identifier or password"):
        desk.run(lambda handler: handler.check(replace(place, secret={"password": "wrong"})))


def test_a_server_in_the_inner_network_is_not_called_unless_the_settings_allow_it(desk: Desk, place: Place) -> None:
    desk.config = replace(desk.config, options={}, allowed_private_hosts=())
    desk.place = replace(place, options={"host": "https://localhost"})
    with pytest.raises(DestinationBroken, match="no public address"):
        desk.create("Hello")


def test_a_destination_takes_its_session_along(place: Place, desk: Desk) -> None:
    desk.run(lambda handler: handler.check(place))
    Destination.objects.all().delete()
    assert not ServiceSession.objects.exists()
