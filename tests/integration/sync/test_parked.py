"""Much that waits for one destination is in nobody else's way."""

from __future__ import annotations

from django.contrib.auth.models import User

from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue.models import Destination
from tests.contract.drive import park_many
from tests.integration.sync.scene import configure, hold_names, holds, make_destination, queue, texts, work

COUNT = 10_000
CLAIMS = 8  # one for each task, with its copy for the other destination, and one that finds no more


def test_ten_thousand_tasks_of_a_destination_that_refuses_do_not_delay_another(
    writer: User, channel: Destination, sandbox: RunningSandbox
) -> None:
    configure("IMMEDIATE", ENABLED=False)
    refusing = make_destination(sandbox, "@nowhere")
    Note.objects.create(owner=writer, text="finds out")
    work()
    [hold] = hold_names()
    assert hold == f"stopped:destination:{refusing.pk}"
    redis = queue().client
    park_many(queue(), redis, hold, COUNT)
    seen = len(sandbox.log())

    for text in ("one", "two", "three"):
        Note.objects.create(owner=writer, text=text)
    redis.config_resetstat()
    work(concurrency=1)  # one after another, so that order is seen

    assert texts(sandbox) == ["finds out", "one", "two", "three"]
    assert [entry["method"] for entry in sandbox.log()[seen:]] == ["sendMessage"] * 3
    assert holds()[0].parked_count == COUNT + 4  # their own copies for @nowhere wait as well
    pops = redis.info("commandstats")["cmdstat_zpopmin"]["calls"]
    assert pops <= CLAIMS, "more claims than with nothing parked"
