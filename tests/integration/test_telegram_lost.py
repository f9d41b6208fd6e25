"""Finding a message whose answer was lost: what a search says, and that it changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from project.sandbox.testing import RunningSandbox
from syncqueue.core.errors import OutcomeUnknown
from syncqueue.handlers.base import Document, DocumentJob, HandlerConfig, RemotePart
from syncqueue.handlers.telegram.handler import TelegramHandler
from syncqueue.handlers.telegram.lost import MOST_PROBES, FoundLost, LostSearch
from tests.integration.telegram_watch import Watch

KINDS = ["channel", "supergroup", "group", "private"]


@pytest.fixture
def watch(sandbox: RunningSandbox) -> Watch:
    return Watch(sandbox)


def lose(watch: Watch, chat: int | str, kind: str = "text") -> None:
    """Post a message whose answer is lost."""
    watch.sandbox.plan_answers("telegram", "store-then-reset")
    with pytest.raises(OutcomeUnknown):
        watch.post(chat, kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["text", "document"])
def test_the_one_message_that_no_record_knows_may_be_adopted(
    sandbox: RunningSandbox, watch: Watch, kind: str, form: str
) -> None:
    chat = sandbox.make_chat(kind)
    after = watch.post(chat)
    lose(watch, chat, form)
    before = watch.post(chat, form)
    seen = sandbox.messages(chat)
    found = watch.find(chat, after=after, before=before)
    assert (found.may_adopt, found.is_certain, found.reason) == (True, True, "")
    (part,) = found.candidates
    assert (part.kind, int(part.id), part.address, part.identity) == (form, after + 1, str(chat), str(chat))
    assert sandbox.messages(chat) == seen


def test_its_link_is_the_one_that_telegram_gives(sandbox: RunningSandbox, watch: Watch) -> None:
    hidden = sandbox.make_chat("supergroup")
    for chat, link in (("@news", "https://t.me/news/"), (hidden, f"https://t.me/c/{str(hidden)[4:]}/")):
        after = watch.post(chat)
        lose(watch, chat)
        (part,) = watch.find(chat, after=after).candidates
        assert part.url == f"{link}{after + 1}"


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_between_two_answered_messages_proves_that_nothing_was_sent(
    sandbox: RunningSandbox, watch: Watch, kind: str
) -> None:
    chat = sandbox.make_chat(kind)
    after = watch.post(chat)
    sandbox.post_as_somebody(chat, "Theirs")
    known, before = watch.post(chat, "document"), watch.post(chat)
    found = watch.find(chat, after=after, before=before, known=frozenset({known}))
    assert (found.candidates, found.is_certain, found.may_adopt) == ((), True, False)


def test_without_a_later_message_absence_proves_nothing_and_a_find_may_be_adopted(
    sandbox: RunningSandbox, watch: Watch
) -> None:
    after = watch.post("@news")
    assert not watch.find("@news", after=after).is_certain
    lose(watch, "@news")
    found = watch.find("@news", after=after)
    assert (len(found.candidates), found.may_adopt, found.is_certain) == (1, True, False)


def test_several_are_for_a_person(sandbox: RunningSandbox, watch: Watch) -> None:
    after = watch.post("@news")
    lose(watch, "@news")
    lose(watch, "@news", "document")
    before = watch.post("@news")
    found = watch.find("@news", after=after, before=before)
    assert (len(found.candidates), found.may_adopt) == (2, False)
    assert "Several" in found.reason
    # Once a record knows one of them, the other is the only one left.
    known = frozenset({int(found.candidates[0].id)})
    assert watch.find("@news", after=after, before=before, known=known).may_adopt


def test_what_may_be_another_writers_is_never_adopted(sandbox: RunningSandbox, watch: Watch) -> None:
    sandbox.set_rights("@news", can_edit_messages=True)
    after = watch.post("@news")
    sandbox.post_as_somebody("@news", "Theirs")
    found = watch.find("@news", after=after, before=watch.post("@news"))
    assert (len(found.candidates), found.may_adopt, found.is_certain) == (1, False, False)
    assert "edit what others post" in found.reason


def test_what_may_be_another_programs_is_never_adopted(sandbox: RunningSandbox, watch: Watch) -> None:
    after = watch.post("@news")
    lose(watch, "@news")
    found = watch.find("@news", after=after, is_sole_poster=False)
    assert (len(found.candidates), found.may_adopt) == (1, False)
    assert "Other programs" in found.reason


def test_the_number_of_probes_is_bounded(sandbox: RunningSandbox, watch: Watch) -> None:
    found = watch.find("@news", after=0, before=10_000)
    assert (found.probe_count, found.is_certain, found.may_adopt) == (MOST_PROBES, False, False)
    assert sum(entry["method"] == "editMessageText" for entry in sandbox.log()) == MOST_PROBES


def test_a_rate_limit_ends_the_search(sandbox: RunningSandbox, watch: Watch) -> None:
    after = watch.post("@news")
    lose(watch, "@news")
    sandbox.plan_answers("telegram", "up", "up", "up", {"mode": "limited", "method": "editMessageText"})
    found = watch.find("@news", after=after, before=after + 5)
    assert (len(found.candidates), found.may_adopt, found.is_certain) == (1, False, False)
    assert "rate limit" in found.reason


def test_a_search_that_ran_out_of_time_goes_on_where_it_stopped(sandbox: RunningSandbox, watch: Watch) -> None:
    after = watch.post("@news")
    lose(watch, "@news")
    before = watch.post("@news")
    first = watch.find("@news", after=after, before=before, seconds=-1)
    assert (first.stopped_at, first.may_adopt, first.is_certain) == (after + 1, False, False)
    second = watch.find(
        "@news", after=after, before=before, start=first.stopped_at, found=first.candidates,
        probe_count=first.probe_count,
    )  # fmt: skip
    assert (second.may_adopt, second.stopped_at) == (True, None)


def test_words_that_nobody_knows_leave_it_to_a_person(sandbox: RunningSandbox, watch: Watch) -> None:
    after = watch.post("@news")
    before = watch.post("@news") + 1
    odd = {"mode": "error", "status": 400, "description": "Bad Request: NEW", "method": "editMessageText"}
    sandbox.plan_answers("telegram", "up", "up", odd)
    found = watch.find("@news", after=after, before=before)
    assert (found.is_certain, found.may_adopt) == (False, False)


def search(watch: Watch, options: dict[str, Any], given: LostSearch) -> FoundLost | None:
    async def store(parts: Sequence[RemotePart]) -> str:
        raise AssertionError("a search stores nothing")

    async def main() -> FoundLost | None:
        config = HandlerConfig(service="telegram", options={"API_BASE_URL": watch.sandbox.telegram_url})
        handler = TelegramHandler(config)
        job = DocumentJob(
            place=replace(watch.place("@news"), options=options), document=Document(text="Hello"), parts=(),
            idempotency_key="key", uncertain=True, store=store,
        )  # fmt: skip
        try:
            return await handler.find_lost(job, given)
        finally:
            await handler.aclose()

    return asyncio.run(main())


def test_the_destinations_options_say_whether_to_look_and_whether_to_believe(
    sandbox: RunningSandbox, watch: Watch
) -> None:
    after = watch.post("@news")
    lose(watch, "@news")
    given = LostSearch(after=after, before=watch.post("@news"))
    found = search(watch, {}, given)
    assert found is not None and found.may_adopt
    doubted = search(watch, {"sole_poster": False}, given)
    assert doubted is not None and not doubted.may_adopt
    asked = len(sandbox.log())
    assert search(watch, {"find_lost": False}, given) is None
    assert len(sandbox.log()) == asked
