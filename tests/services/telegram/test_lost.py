"""Looking for a message whose answer was lost: what a search says, and that it changes nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import pytest

from project.sandbox.testing import RunningSandbox
from syncqueue.core.errors import OutcomeUnknown, PermanentError, RateLimited
from syncqueue.handlers.base import Document, DocumentJob, HandlerConfig, OtherRecords, RemotePart
from syncqueue.handlers.telegram.handler import TelegramHandler
from syncqueue.handlers.telegram.lost import EMPTY_IN_A_ROW, MOST_PROBES, FoundLost, Sights
from syncqueue.handlers.telegram.probe import Sight
from syncqueue.handlers.telegram.trace import SETTLED_SECONDS, Trace
from tests.services.telegram.watch import Watch

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
@pytest.mark.parametrize("has_later", [True, False])
def test_the_message_that_no_record_knows_is_found_and_not_changed(
    sandbox: RunningSandbox, watch: Watch, kind: str, form: str, has_later: bool
) -> None:
    chat = sandbox.make_chat(kind)
    after = watch.post(chat)
    lose(watch, chat, form)
    before = watch.post(chat, form) if has_later else None
    seen = sandbox.messages(chat)
    found = watch.find(chat, after=after, before=before)
    assert (found.doubt, found.unclear, found.stopped_at) == ("", "", None)
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
def test_what_others_posted_and_what_records_know_is_left_out(sandbox: RunningSandbox, watch: Watch, kind: str) -> None:
    chat = sandbox.make_chat(kind)
    after = watch.post(chat)
    sandbox.post_as_somebody(chat, "Theirs")
    known, before = watch.post(chat, "document"), watch.post(chat)
    found = watch.find(chat, after=after, before=before, known=frozenset({known}))
    assert (found.candidates, found.unclear, found.probe_count) == ((), "", 1)


def test_a_gap_below_a_known_number_does_not_end_a_search(sandbox: RunningSandbox, watch: Watch) -> None:
    after = watch.post("@news")
    gone = [watch.post("@news") for _ in range(8)]
    known = watch.post("@news")
    lose(watch, "@news")
    for number in gone:
        sandbox.remove_message("@news", number)
    (part,) = watch.find("@news", after=after, known=frozenset({known})).candidates
    assert int(part.id) == known + 1


def test_all_that_may_be_it_are_told(sandbox: RunningSandbox, watch: Watch) -> None:
    after = watch.post("@news")
    lose(watch, "@news")
    lose(watch, "@news", "document")
    found = watch.find("@news", after=after, before=watch.post("@news"))
    assert [int(one.id) - after for one in found.candidates] == [1, 2]


def test_what_may_be_another_writers_is_doubted(sandbox: RunningSandbox, watch: Watch) -> None:
    sandbox.set_rights("@news", can_edit_messages=True)
    after = watch.post("@news")
    sandbox.post_as_somebody("@news", "Theirs")
    found = watch.find("@news", after=after, before=watch.post("@news"))
    assert len(found.candidates) == 1
    assert "may edit the messages of others" in found.doubt


def test_what_may_be_another_programs_is_doubted(sandbox: RunningSandbox, watch: Watch) -> None:
    after = watch.post("@news")
    lose(watch, "@news")
    found = watch.find("@news", after=after, is_sole_poster=False)
    assert len(found.candidates) == 1
    assert "Other programs" in found.doubt


def test_in_another_chat_that_has_the_name_by_now_nothing_is_looked_at(sandbox: RunningSandbox, watch: Watch) -> None:
    found = watch.find("@news", after=1, identity="-1009999")
    assert "another chat" in found.unclear
    assert not any(entry["method"] == "editMessageText" for entry in sandbox.log())


def test_the_number_of_probes_is_bounded(sandbox: RunningSandbox, watch: Watch) -> None:
    found = watch.find("@news", after=0, before=10_000)
    assert found.probe_count == MOST_PROBES
    assert "Too much" in found.unclear
    assert sum(entry["method"] == "editMessageText" for entry in sandbox.log()) == MOST_PROBES


def test_a_rate_limit_ends_the_search(sandbox: RunningSandbox, watch: Watch) -> None:
    after = watch.post("@news")
    lose(watch, "@news")
    sandbox.plan_answers("telegram", "up", "up", "up", {"mode": "limited", "method": "editMessageText"})
    found = watch.find("@news", after=after, before=after + 5)
    assert (len(found.candidates), found.stopped_at) == (1, after + 2)
    assert isinstance(found.limit, RateLimited)


def test_a_search_that_ran_out_of_time_goes_on_where_it_stopped(sandbox: RunningSandbox, watch: Watch) -> None:
    after = watch.post("@news")
    lose(watch, "@news")
    before = watch.post("@news")
    first = watch.find("@news", after=after, before=before, seconds=-1)
    assert (first.stopped_at, first.candidates) == (after + 1, ())
    second = watch.find(
        "@news", after=after, before=before, start=first.stopped_at, found=first.candidates,
        probe_count=first.probe_count,
    )  # fmt: skip
    assert (len(second.candidates), second.stopped_at) == (1, None)


def test_a_search_that_is_always_cut_short_ends_behind_the_last_message_all_the_same(
    sandbox: RunningSandbox, watch: Watch
) -> None:
    after = watch.post("@news")
    lose(watch, "@news")
    found = FoundLost(candidates=(), stopped_at=0)
    cut_count = -1
    while found.stopped_at is not None and cut_count < 20:
        cut_count += 1  # each search looks at one number
        sandbox.plan_answers("telegram", "up", "up", "up", {"mode": "limited", "method": "editMessageText"})
        found = watch.find(
            "@news", after=after, start=found.stopped_at, found=found.candidates,
            probe_count=found.probe_count, empty_count=found.empty_count,
        )  # fmt: skip
    assert (len(found.candidates), found.unclear) == (1, "")
    assert cut_count == found.probe_count - 1 == EMPTY_IN_A_ROW


def test_words_that_nobody_knows_leave_it_open(sandbox: RunningSandbox, watch: Watch) -> None:
    after = watch.post("@news")
    before = watch.post("@news") + 1
    odd = {"mode": "error", "status": 400, "description": "Bad Request: NEW", "method": "editMessageText"}
    sandbox.plan_answers("telegram", "up", "up", odd)
    assert watch.find("@news", after=after, before=before).unclear


def test_an_unused_number_was_seen_for_those_messages_that_must_have_arrived_before(watch: Watch) -> None:
    sights, place, now = Sights(), watch.place("@news"), time.time()
    sights.note(place, "-1001", 7, now, Sight.GONE, is_final=False)
    assert sights.at(place, "-1001", 7, now - SETTLED_SECONDS - 1) is Sight.GONE
    assert sights.at(place, "-1001", 7, now - SETTLED_SECONDS / 2) is None
    sights.note(place, "-1001", 7, now, Sight.GONE)  # it is below a known one
    assert sights.at(place, "-1001", 7, now - 1) is Sight.GONE
    assert sights.at(place, "-1001", 7, now + 1) is None


class Others(OtherRecords):
    """Other records that know some messages, and learn of more while they are asked."""

    def __init__(self, *known: RemotePart, answers: Sequence[frozenset[str]] = ()) -> None:
        self._known = known
        self._answers = list(answers)

    async def newest_parts(self, since: float | None = None) -> Sequence[RemotePart]:
        return self._known

    async def known_ids(self, ids: Collection[str], identity: str) -> frozenset[str]:
        return self._answers.pop(0) if self._answers else frozenset()


class Record:
    """One record's job after the other, with one handler, as in a process."""

    def __init__(self, watch: Watch, others: OtherRecords | None = None, **config: Any) -> None:
        self.watch = watch
        self.others = others
        self.config = config
        self.parts: tuple[RemotePart, ...] = ()

    async def store(self, parts: Sequence[RemotePart]) -> str:
        self.parts = tuple(parts)
        return "key"

    def job(self, step: Any, text: str = "Hello") -> DocumentJob:
        return DocumentJob(
            place=replace(self.watch.place("@news"), options={}), document=Document(text=text), parts=self.parts,
            idempotency_key="key", uncertain=False, store=self.store, step=step, others=self.others,
        )  # fmt: skip

    def handler(self) -> TelegramHandler:
        options = {"API_BASE_URL": self.watch.sandbox.telegram_url}
        return TelegramHandler(HandlerConfig(service="telegram", options=options, **self.config))


def known_part(watch: Watch) -> RemotePart:
    """A message of another record."""
    number = watch.post("@news")
    (chat,) = {one["id"] for one in watch.sandbox.state()["services"]["telegram"]["chats"] if one["username"] == "news"}
    return RemotePart(kind="text", id=str(number), address="@news", identity=str(chat))


def test_of_two_records_that_take_one_message_at_the_same_moment_one_lets_go(
    sandbox: RunningSandbox, watch: Watch
) -> None:
    known = known_part(watch)
    lose(watch, "@news")
    lost = str(int(known.id) + 1)
    # Nobody knows it when it is looked at; another record does once this one has taken it.
    record = Record(watch, Others(known, answers=[frozenset(), frozenset({lost})]))
    trace = Trace(sent_at=0, after=int(known.id))
    record.parts = (trace.part("@news", known.identity),)

    async def attempt() -> None:
        handler = record.handler()
        try:
            await handler.update(record.job("update", "Mine"))
        finally:
            await handler.aclose()

    with pytest.raises(RateLimited) as raised:
        asyncio.run(attempt())
    assert raised.value.scope == "task"
    assert [part.kind for part in record.parts] == ["sent"]
    assert [message["text"] for message in sandbox.messages("@news")] == ["Hello", "Hello"]
    record.others = Others(known, answers=[frozenset({lost})])
    asyncio.run(attempt())
    assert [message["text"] for message in sandbox.messages("@news")] == ["Hello", "Hello", "Mine"]


@pytest.mark.parametrize("is_later", [True, False])
def test_where_such_are_held_a_later_answer_proves_that_nothing_was_sent(
    sandbox: RunningSandbox, watch: Watch, is_later: bool
) -> None:
    known = known_part(watch)
    record, other = (Record(watch, Others(known), hold_unknown=True) for _ in range(2))
    # A minute ago, and just now: not yet for certain.
    trace = Trace(sent_at=int(time.time()) - (60 if is_later else 0), after=int(known.id))

    async def attempts() -> None:
        handler = record.handler()
        try:
            record.others = Others(known, *await handler.create(other.job("create", "Later")))
            record.parts = (trace.part("@news", known.identity),)
            await handler.update(record.job("update", "Mine"))
        finally:
            await handler.aclose()

    if is_later:
        asyncio.run(attempts())
    else:
        with pytest.raises(RateLimited, match="not been found so far"):
            asyncio.run(attempts())
    texts = [message["text"] for message in sandbox.messages("@news")]
    assert texts == ["Hello", "Later", *(["Mine"] if is_later else [])]


def test_a_text_that_shows_nothing_leaves_no_trace(watch: Watch) -> None:
    record = Record(watch, Others(known_part(watch)))

    async def attempt() -> None:
        handler = record.handler()
        job = record.job("create", "<!-- nothing -->")
        job.document = replace(job.document, format="markdown")
        trace = await handler.trace(job)
        assert trace is not None
        record.parts = job.parts = (trace,)
        try:
            await handler.create(job)
        finally:
            await handler.aclose()

    with pytest.raises(PermanentError):
        asyncio.run(attempt())
    assert record.parts == ()
