"""Telegram hanging, slow or away: a save waits no longer than promised, and many saves come to few requests."""

from __future__ import annotations

import select
import socket

import pytest

from project.sandbox.testing import RunningSandbox
from tests.eventually import eventually
from tests.faults.channel import posted, texts
from tests.faults.conftest import SiteMaker
from tests.faults.processes import Process
from tests.faults.site import ALL_EMPTY, ENDLESS, SCRIPT_SECONDS, UNHURRIED, Site

# IMMEDIATE.TIMEOUT_SECONDS is 2 and a second more is promised; a busy machine works slowly besides. Saves that each
# waited for themselves would take a hundred seconds.
IN_TIME_SECONDS = 50.0

ONE_SAVE = """
    began = time.monotonic()
    save("Note 0")
    answer(time.monotonic() - began)
"""
IN_AUTOCOMMIT = """
    began = time.monotonic()
    with one_request():
        for n in range(50):
            save(f"Note {n}")
    answer(time.monotonic() - began)
"""
IN_TRANSACTIONS = """
    began = time.monotonic()
    with one_request():
        for n in range(50):
            with transaction.atomic():
                save(f"Note {n}")
    answer(time.monotonic() - began)
"""
IN_ONE_TRANSACTION = """
    began = time.monotonic()
    with one_request(), transaction.atomic():
        for n in range(50):
            save(f"Note {n}")
    answer(time.monotonic() - began)
"""


@pytest.mark.parametrize(
    ("script", "count"),
    [(ONE_SAVE, 1), (IN_AUTOCOMMIT, 50), (IN_TRANSACTIONS, 50), (IN_ONE_TRANSACTION, 50)],
    ids=["one-save", "fifty-in-autocommit", "fifty-transactions", "one-transaction-of-fifty"],
)
def test_with_telegram_hanging_the_saves_of_a_request_return_in_time_and_all_go_out_later(
    site: Site, sandbox: RunningSandbox, script: str, count: int
) -> None:
    sandbox.set_mode("telegram", "hang-before")

    seconds = site.script(script)

    assert seconds < IN_TIME_SECONDS
    assert site.states() == ["waiting"] * count
    sandbox.set_mode("telegram", "up")
    site.worker(**UNHURRIED)
    eventually(lambda: _are_out(site, sandbox, [f"Note {n}" for n in range(count)]))


def test_with_the_breaker_open_a_save_opens_no_connection(make_site: SiteMaker, redis_url: str) -> None:
    with socket.socket() as telegram:
        telegram.bind(("127.0.0.1", 0))  # a port that does not listen yet refuses
        url = f"http://127.0.0.1:{telegram.getsockname()[1]}"
        breaker = {"OPEN_SECONDS": 600, "FAILURES": 2}
        site = make_site(redis_url, TELEGRAM_API_BASE_URL=url, SYNCQUEUE_BREAKER=breaker)
        site.script("save('Note 0'); save('Note 1')")
        telegram.listen()

        site.script("save('Note 2'); save('Note 3')")

        assert select.select([telegram], [], [], 0)[0] == []  # nobody waits to be let in
    assert site.states() == ["waiting"] * 4
    assert len(site.tasks()["delayed"]) == 4


def test_ten_saves_during_one_attempt_come_to_one_more_with_the_last_content(
    make_site: SiteMaker, redis_url: str, sandbox: RunningSandbox
) -> None:
    site = make_site(redis_url, **ENDLESS, SYNCQUEUE_IMMEDIATE={"TIMEOUT_SECONDS": 0.1})
    sandbox.set_mode("telegram", "hang")  # it answers once the switch turns
    web = site.start(
        """
        note = save("Version 0")
        for n in range(1, 11):
            note.text = f"Version {n}"
            note.save()
        answer("saved")
        while not syncqueue.status(note)[0].parts:
            time.sleep(0.02)
        """
    )
    eventually(lambda: _has_saved(web))

    sandbox.set_mode("telegram", "up")
    assert web.wait(SCRIPT_SECONDS) == 0
    site.worker()

    eventually(lambda: _shows(site, sandbox, ["Version 10"]))
    methods = [entry["method"] for entry in sandbox.log() if entry["stored"]]
    assert methods == ["sendMessage", "editMessageText"]


def _has_saved(web: Process) -> None:
    assert "saved" in web.output()


def _are_out(site: Site, sandbox: RunningSandbox, notes: list[str]) -> None:
    assert site.states() == ["synced"] * len(notes)
    assert posted(sandbox) == dict.fromkeys(notes, 1)
    assert site.tasks() == ALL_EMPTY


def _shows(site: Site, sandbox: RunningSandbox, expected: list[str]) -> None:
    assert site.states() == ["synced"] * len(expected)
    assert texts(sandbox) == expected
    assert site.tasks() == ALL_EMPTY
