"""Two databases on one Redis."""

from __future__ import annotations

import pytest

from syncqueue.core.errors import ForeignQueue
from tests.contract.drive import names, task
from tests.contract.invariants import dump

MOVES = {
    "enqueue": lambda queue: queue.enqueue(task("theirs")),
    "enqueue_many": lambda queue: queue.enqueue_many([task("theirs")]),
    "enqueue_leased": lambda queue: queue.enqueue_leased([task("theirs", key="k")], [[]], token="t"),
    "claim": lambda queue: queue.claim(5),
}


@pytest.mark.parametrize("move", MOVES)
def test_a_queue_of_another_database_is_refused_naming_both_and_the_setting(backend, raw, move):
    backend.queue(site="site-1").enqueue(task("ours"))
    before = dump(raw)
    with pytest.raises(ForeignQueue) as refusal:
        MOVES[move](backend.queue(site="site-2"))
    for word in ("site site-1", "site site-2", "KEY_PREFIX", "'sync'", "'telegram'"):
        assert word in str(refusal.value)
    assert dump(raw) == before


def test_each_service_is_stamped_by_itself(backend):
    backend.queue(site="site-1").enqueue(task())
    backend.queue(site="site-2", service="mastodon").enqueue(task(service="mastodon"))


def test_an_emptied_redis_is_taken_by_the_next_site(backend, raw):
    backend.queue(site="site-1").enqueue(task("ours"))
    raw.flushdb()
    second = backend.queue(site="site-2")
    assert second.claim(5).tasks == ()
    second.enqueue(task("theirs"))
    assert names(second.claim(5).tasks) == ["theirs"]
    with pytest.raises(ForeignQueue):
        backend.queue(site="site-1").claim(5)
