"""One owner's slow service leaves the others' notes their turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

import syncqueue
from project.notes.models import Note
from syncqueue import get_queue
from syncqueue.dispatch import immediate
from syncqueue.dispatch.immediate import MOST_AT_ONCE
from syncqueue.execution.attempts import waiting_text
from syncqueue.models import Destination, RecordState, SyncRecord
from syncqueue.queue.aio import AsyncSyncQueue
from syncqueue.queue.calls import Claim
from syncqueue.worker.worker import Worker
from tests.eventually import eventually
from tests.hostile.handlers import Slow
from tests.integration.sync.scene import configure

pytestmark = pytest.mark.shapes

CONCURRENCY = 10
SHARE = 8  # of them, for an owner alone: four times what is left free
MANY = 40
QUICK = 200
LONG = 600  # more than are parked in one call


@pytest.fixture(autouse=True)
def slow_service(own_site: None, settings: Any) -> None:
    """A service whose answers wait for the test, and whose owners' notes go to their own destinations."""
    settings.OWN_DESTINATIONS = True
    configure("PROCESSING", ATTEMPT_TIMEOUT_SECONDS=240, SHUTDOWN_SECONDS=242, LEASE_SECONDS=244)
    Slow.may_end.clear()
    Slow.begun.clear()
    Slow.ended.clear()


def person(name: str, *addresses: str) -> User:
    user = User.objects.create_user(name)
    for address in addresses:
        row = Destination(name=name, service="slow", address=address, owner=user)
        row.secret = {"token": "t" * 20}
        row.save()
    return user


def write(user: User, count: int) -> None:
    with syncqueue.queued():
        for number in range(count):
            Note.objects.create(owner=user, text=f"{number:03}")


async def _until(holds_true: Callable[[], bool]) -> None:
    def check() -> None:
        assert holds_true(), f"begun: {Slow.begun}, ended: {Slow.ended}"

    await asyncio.to_thread(eventually, check)


def work_through(*stages: Callable[[], bool], look: Callable[[], None] = lambda: None) -> None:
    """Run a worker until each of the stages is reached; then, after a look, slow answers come, until the last one."""

    async def run() -> None:
        worker = Worker(["slow"], concurrency=CONCURRENCY)
        working = asyncio.create_task(worker.run())
        try:
            for stage in stages[:-1]:
                await _until(stage)
            look()
            Slow.may_end.set()
            await _until(stages[-1])
        finally:
            Slow.may_end.set()
            worker.stop()
            await working

    asyncio.run(run())


def test_anothers_note_goes_out_while_all_of_one_owners_hang() -> None:
    hasty, calm = person("hasty", "slow.example:443"), person("calm", "quick.example:443")
    write(hasty, MANY)
    write(calm, 1)
    seen: list[int] = []

    work_through(
        lambda: Slow.ended == ["calm: 000"],
        lambda: len(Slow.ended) == MANY + 1,
        look=lambda: seen.append(Slow.begun.count("hasty")),
    )

    assert seen[0] in (SHARE, SHARE - 1)  # one less where the other's attempt began before the last of them
    order = [int(name.removeprefix("hasty: ")) for name in Slow.ended[1:]]
    assert sorted(order) == list(range(MANY))  # each once, and in order but for what was under way at one time
    assert max(abs(place - number) for place, number in enumerate(order)) < SHARE
    assert set(SyncRecord.objects.values_list("state", flat=True)) == {RecordState.SYNCED}
    assert hold_names_of_slow() == []


def test_a_long_queue_of_one_owner_is_set_aside_at_once_and_not_claimed_first(monkeypatch: pytest.MonkeyPatch) -> None:
    claimed: list[str] = []
    real = AsyncSyncQueue.claim

    async def counting(self: AsyncSyncQueue, limit: int = 1) -> Claim:
        claim = await real(self, limit)
        claimed.extend(one.task.id for one in claim.tasks)
        return claim

    monkeypatch.setattr(AsyncSyncQueue, "claim", counting)
    hasty, calm = person("hasty", "slow.example:443"), person("calm", "quick.example:443")
    write(hasty, LONG)
    write(calm, 1)
    counts: list[int] = []

    work_through(
        lambda: "calm: 000" in Slow.ended,
        lambda: len(Slow.ended) > SHARE,
        look=lambda: counts.append(len(claimed)),
    )

    assert counts[0] < LONG / 4
    reasons = SyncRecord.objects.filter(destination__owner=hasty, state=RecordState.WAITING).values_list(
        "error", flat=True
    )
    assert {reason for reason in reasons if reason} == {waiting_text("share:")}


def test_many_destinations_of_one_owner_have_one_share_together() -> None:
    hasty = person("hasty", *(f"slow{number}.example:443" for number in range(MANY)))
    calm = person("calm", "quick.example:443")
    write(hasty, 1)
    write(calm, 1)
    seen: list[int] = []

    work_through(
        lambda: "calm: 000" in Slow.ended,
        lambda: len(Slow.ended) == MANY + 1,
        look=lambda: seen.append(Slow.begun.count("hasty")),
    )

    assert seen[0] in (SHARE, SHARE - 1)  # one less where the other's attempt began before the last of them


def test_a_web_process_makes_so_many_attempts_at_once_and_leaves_the_rest_to_workers(settings: Any) -> None:
    configure("IMMEDIATE", TIMEOUT_SECONDS=0.01)
    hasty = person("hasty", "slow.example:443")
    try:
        for number in range(MOST_AT_ONCE + 5):
            Note.objects.create(owner=hasty, text=f"{number:03}")
        eventually(lambda: _assert_begun(MOST_AT_ONCE))
        assert get_queue("slow").stats().pending_count == 5
    finally:
        Slow.may_end.set()
        immediate.close()
    assert len(Slow.ended) == MOST_AT_ONCE


def _assert_begun(count: int) -> None:
    assert len(Slow.begun) == count


def test_an_owner_has_so_many_destinations_and_may_still_edit_them(settings: Any) -> None:
    configure(MAX_DESTINATIONS_PER_OWNER=2)
    user = person("busy", "a.example:443", "b.example:443")
    with pytest.raises(ValidationError, match="2 destinations are the most"):
        Destination(name="third", service="slow", address="c.example:443", owner=user).clean()
    Destination(name="of the site", service="slow", address="c.example:443").clean()
    for row in Destination.objects.filter(owner=user):
        row.clean()


@pytest.mark.parametrize("are_gone", [False, True])
def test_what_waits_for_its_share_goes_out_as_fast_as_there_is_room_also_behind_what_is_gone(are_gone: bool) -> None:
    hasty = person("hasty", "quick.example:443")
    person("calm", "quick.example:8443")
    write(hasty, QUICK)
    if are_gone:  # a person has cleared one in two, whose tasks are still there
        SyncRecord.objects.filter(pk__in=[row.pk for row in SyncRecord.objects.all()][::2]).update(state="abandoned")
    count = QUICK // 2 if are_gone else QUICK

    work_through(lambda: len(Slow.ended) == count)

    assert hold_names_of_slow() == []
    assert SyncRecord.objects.filter(state=RecordState.SYNCED).count() == count


def test_a_service_that_never_answers_opens_the_breaker_of_its_own_host_and_is_left_alone() -> None:
    configure("PROCESSING", ATTEMPT_TIMEOUT_SECONDS=1, SHUTDOWN_SECONDS=2, LEASE_SECONDS=10)
    configure("BREAKER", FAILURES=3, OPEN_SECONDS=600)
    hasty, calm = person("hasty", "slow.example:443"), person("calm", "quick.example:443")
    write(hasty, MANY)
    write(calm, 3)
    seen: list[int] = []

    work_through(
        # None is under way any more: an answer to one that is would close the breaker.
        lambda: "breaker:slow.example:443" in hold_names_of_slow() and len(Slow.ended) == 3 and nothing_in_processing(),
        lambda: get_queue("slow").stats().delayed_count == MANY and nothing_in_processing(),
        look=lambda: seen.append(Slow.begun.count("hasty")),
    )

    assert seen[0] <= 2 * SHARE  # those under way when it opened, and what came in the places of the first
    assert "breaker:quick.example:443" not in hold_names_of_slow()
    # Those of one claim are attempted at once.
    assert sorted(name for name in Slow.ended if name.startswith("calm")) == ["calm: 000", "calm: 001", "calm: 002"]


def test_who_has_a_service_alone_has_all_of_its_concurrency() -> None:
    write(person("alone", "slow.example:443"), MANY)

    work_through(lambda: Slow.begun.count("alone") == CONCURRENCY, lambda: len(Slow.ended) == MANY)

    assert hold_names_of_slow() == []


def nothing_in_processing() -> bool:
    return not get_queue("slow").stats().processing_count


def hold_names_of_slow() -> list[str]:
    return [hold.name for hold in get_queue("slow").holds()]
