"""`syncqueue verify` that is killed, or told to end, in the middle: the next one goes on from there."""

from __future__ import annotations

import json
import signal

import pytest

from project.sandbox.testing import RunningSandbox
from tests.eventually import eventually
from tests.faults.conftest import SiteMaker

NOTES = """
from project.notes.models import Note
for number in range(4):
    Note.objects.create(owner_id=1, text=f"Note {number}")
answer(len(Note.objects.all()))
"""
VERIFY = """
from syncqueue.handlers.telegram.handler import TelegramHandler
TelegramHandler.read_pause_seconds = 0.0
try:
    call_command("syncqueue", "verify", "--json")
except SystemExit as ended:
    answer(ended.code)
"""


def probes(sandbox: RunningSandbox) -> list[str]:
    """The numbers that were looked at, in order; a probe is an edit to a blank."""
    log = [entry for entry in sandbox.log() if entry["method"] == "editMessageText"]
    return [str(entry["params"]["message_id"]) for entry in log]


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_verification_that_is_ended_in_the_middle_is_continued(
    make_site: SiteMaker, redis_url: str, sandbox: RunningSandbox, sign: signal.Signals
) -> None:
    site = make_site(redis_url)
    assert site.script(NOTES) == 4
    numbers = [row[0] for row in site.sql("SELECT CAST(parts AS TEXT) FROM syncqueue_syncrecord ORDER BY id")]
    numbers = [str(json.loads(parts)[0]["id"]) for parts in numbers]
    # Two are answered, the third never is.
    up = {"mode": "up", "method": "editMessageText"}
    sandbox.plan_answers("telegram", up, up, {"mode": "hang", "method": "editMessageText"})
    process = site.start(
        VERIFY, SYNCQUEUE_PROCESSING={"ATTEMPT_TIMEOUT_SECONDS": 240, "SHUTDOWN_SECONDS": 242, "LEASE_SECONDS": 244}
    )

    def waits_for_the_third() -> None:
        assert probes(sandbox) == numbers[:3]

    eventually(waits_for_the_third)
    process.send_signal(sign)
    process.wait(60)
    (row,) = site.sql("SELECT looked_count, finished_at FROM syncqueue_verification")
    assert row == (2, None)
    site.script(VERIFY)
    assert probes(sandbox) == [*numbers[:3], *numbers[2:]]
    ((looked, gone, finished),) = site.sql("SELECT looked_count, gone_count, finished_at FROM syncqueue_verification")
    assert (looked, gone, finished is not None) == (4, 0, True)
