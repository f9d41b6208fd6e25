"""Looking without changing anything: the probe against the sandbox, which checks edits in the real server's order."""

from __future__ import annotations

import pytest

from project.sandbox.testing import RunningSandbox
from syncqueue.core.errors import RateLimited, Unavailable
from syncqueue.handlers.telegram.probe import Sight
from tests.services.telegram.watch import Watch

KINDS = ["channel", "supergroup", "group", "private"]


@pytest.fixture
def watch(sandbox: RunningSandbox) -> Watch:
    return Watch(sandbox)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_message_is_told_apart_and_none_is_changed(
    sandbox: RunningSandbox, watch: Watch, kind: str
) -> None:
    chat = sandbox.make_chat(kind)
    text, file = watch.post(chat), watch.post(chat, "document")
    theirs = sandbox.post_as_somebody(chat, "Theirs")
    before = sandbox.messages(chat)
    sights = [watch.at(chat, number) for number in (text, file, theirs, theirs + 1)]
    assert sights == [Sight.OURS_TEXT, Sight.OURS_FILE, Sight.NOT_OURS, Sight.GONE]
    assert sandbox.messages(chat) == before
    assert not any(entry["stored"] for entry in sandbox.log() if entry["method"].startswith("edit"))


def test_a_deleted_message_is_gone(sandbox: RunningSandbox, watch: Watch) -> None:
    number = watch.post("@news")
    sandbox.remove_message("@news", number)
    assert watch.at("@news", number) is Sight.GONE


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("may_edit_others", [False, True])
def test_it_is_exact_unless_the_bot_may_edit_what_others_post_in_a_channel(
    sandbox: RunningSandbox, watch: Watch, kind: str, may_edit_others: bool
) -> None:
    chat = sandbox.make_chat(kind)
    sandbox.set_rights(chat, can_edit_messages=may_edit_others)
    assert watch.is_exact(chat) is not (kind == "channel" and may_edit_others)
    theirs = sandbox.post_as_somebody(chat, "Theirs")
    assert (watch.at(chat, theirs) is Sight.NOT_OURS) is watch.is_exact(chat)


def test_words_that_say_nothing_of_the_message_are_unknown(sandbox: RunningSandbox, watch: Watch) -> None:
    number = watch.post("@news")
    sandbox.plan_answers("telegram", {"mode": "error", "status": 400, "description": "Bad Request: SOMETHING_NEW"})
    assert watch.at("@news", number) is Sight.UNKNOWN


def test_a_limit_or_an_outage_ends_the_looking(sandbox: RunningSandbox, watch: Watch) -> None:
    sandbox.plan_answers("telegram", "limited", "error")
    with pytest.raises(RateLimited):
        watch.at("@news", 1)
    with pytest.raises(Unavailable):
        watch.at("@news", 1)
