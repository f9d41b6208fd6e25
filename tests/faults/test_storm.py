"""What a thousand notes do that waited out an outage, when the service is back and allows so many a second."""

from __future__ import annotations

from statistics import median
from typing import Any

from project.sandbox.testing import RunningSandbox
from tests.eventually import eventually
from tests.faults.channel import posted
from tests.faults.conftest import SiteMaker
from tests.faults.site import ALL_EMPTY, FIGURES, UNHURRIED, Site

NOTES = 1000
SAVED = 50  # one by one; the others come in bulk, many in one millisecond
PER_SECOND = 80
PLANNED = 6  # refusals that come however slow this machine is
WORKERS = 2
CONCURRENCY = 4
# Those under way at one moment may overtake each other, once more after each refusal, and fall behind with a worker
# that gets no time on a busy machine: half of them are nearer to their place than this. Without any order it would be
# 290, by keys as text 42.
USUAL_PLACES_OFF = 2 * WORKERS * CONCURRENCY
LONG_SECONDS = 150.0

STORM: dict[str, Any] = UNHURRIED | {
    "SYNCQUEUE_TELEGRAM": {"BASE_DELAY_SECONDS": 1, "CONCURRENCY": CONCURRENCY},
    "SYNCQUEUE_BREAKER": FIGURES["SYNCQUEUE_BREAKER"] | {"FAILURES": 1},
}


def test_a_thousand_notes_of_an_outage_go_out_in_order_at_the_pace_that_the_service_allows(
    make_site: SiteMaker, redis_url: str, sandbox: RunningSandbox
) -> None:
    site = make_site(redis_url, **STORM)
    sandbox.set_mode("telegram", "down")
    site.script(
        f"""
        for n in range({SAVED}): save(f"Note {{n}}")
        Note.objects.bulk_create(Note(owner_id=1, text=f"Note {{n}}") for n in range({SAVED}, {NOTES}))
        syncqueue.sync_queryset(Note.objects.filter(pk__gt={SAVED}))
        """
    )
    for _ in range(WORKERS):
        site.worker()
    eventually(lambda: _all_wait(site))

    sandbox.plan_answers("telegram", *["up"] * 10, *[{"mode": "limited", "retry_after": 1}] * PLANNED)
    sandbox.set_mode("telegram", "up", per_chat_per_second=PER_SECOND)

    eventually(lambda: _all_done(site), LONG_SECONDS)
    assert posted(sandbox) == {f"Note {n}": 1 for n in range(NOTES)}
    order = [int(message["text"].removeprefix("Note ")) for message in sandbox.messages("@news")]
    assert median(abs(place - number) for place, number in enumerate(order)) <= USUAL_PLACES_OFF
    refused = [entry["status"] for entry in sandbox.log()].count(429)
    assert PLANNED <= refused <= NOTES // PER_SECOND * WORKERS * CONCURRENCY * 2  # not all of them again and again
    assert site.states() == ["synced"] * NOTES  # a refusal used up no attempt


def _all_wait(site: Site) -> None:
    assert len(site.tasks()["delayed"]) == NOTES


def _all_done(site: Site) -> None:
    assert site.tasks() == ALL_EMPTY
