"""A web process that is killed at the worst moments: what was saved still comes out, once."""

from __future__ import annotations

import pytest

from project.sandbox.testing import RunningSandbox
from tests.eventually import eventually
from tests.faults.channel import posted, texts
from tests.faults.conftest import SiteMaker
from tests.faults.site import ALL_EMPTY, FIGURES, Site


def test_a_note_saved_by_a_process_killed_before_its_record_is_found_by_the_sweep(
    site: Site, sandbox: RunningSandbox
) -> None:
    site.script("syncqueue.receivers.note_changes = die; save('Note 1')", dies=True)
    assert site.sql("SELECT text FROM notes_note") == [("Note 1",)]
    assert site.states() == []

    site.worker()

    _goes_out_once(site, sandbox)


def test_in_a_transaction_a_process_killed_before_the_record_leaves_neither_note_nor_record(
    site: Site, sandbox: RunningSandbox
) -> None:
    site.script(
        """
        syncqueue.receivers.note_changes = die
        with transaction.atomic():
            save("Note 1")
        """,
        dies=True,
    )

    assert site.sql("SELECT text FROM notes_note") == []
    assert site.states() == []


def test_a_note_whose_process_is_killed_between_commit_and_attempt_is_sent_by_the_reconciler(
    site: Site, sandbox: RunningSandbox
) -> None:
    site.script(
        """
        syncqueue.dispatch.gathering.dispatch = die
        with transaction.atomic():
            save("Note 1")
        """,
        dies=True,
    )
    assert site.states() == ["waiting"]
    assert site.tasks() == ALL_EMPTY

    site.worker()

    _goes_out_once(site, sandbox)


def test_a_note_whose_process_is_killed_after_it_took_the_lease_is_recovered(
    site: Site, sandbox: RunningSandbox
) -> None:
    site.script("syncqueue.dispatch.immediate.ImmediateLoop.attempt = die; save('Note 1')", dies=True)
    assert site.states() == ["waiting"]
    assert len(site.tasks()["processing"]) == 1

    site.worker()

    _goes_out_once(site, sandbox)


def test_a_note_whose_process_is_killed_between_mark_and_send_is_sent_once(site: Site, sandbox: RunningSandbox) -> None:
    site.script(
        """
        from syncqueue.handlers.telegram.handler import TelegramHandler
        TelegramHandler.create = die
        save("Note 1")
        """,
        dies=True,
    )
    assert site.sql("SELECT mark_token <> '', mark_action FROM syncqueue_syncrecord") == [(1, "create")]

    site.worker()

    _goes_out_once(site, sandbox)


# The lost message is out there; the mark ends before the lease, so that nothing but the lease is waited for.
KILLED_BEFORE_STORING = """
    import syncqueue.execution.deliver
    syncqueue.execution.deliver.MARK_GRACE_SECONDS = 1
    syncqueue.sources.records.store_synced = die
    save("Note 1")
"""


@pytest.mark.parametrize("policy", ["retry", "hold"])
def test_a_note_whose_process_is_killed_after_the_send_is_found_where_a_number_of_the_chat_is_known(
    make_site: SiteMaker, redis_url: str, sandbox: RunningSandbox, policy: str
) -> None:
    site = make_site(redis_url, SYNCQUEUE_TELEGRAM={"ON_UNKNOWN_OUTCOME": policy})
    site.script('save("First")')
    site.script(KILLED_BEFORE_STORING, dies=True)
    assert texts(sandbox) == ["First", "Note 1"]

    site.worker()

    eventually(lambda: _are_synced(site))
    eventually(lambda: _is_empty(site))
    assert texts(sandbox) == ["First", "Note 1"]
    assert posted(sandbox)["Note 1"] == 1


# As at a service that cannot be asked.
SEARCHES_NOTHING = {"news": FIGURES["DESTINATIONS"]["news"] | {"OPTIONS": {"find_lost": False}}}


def test_where_nothing_is_searched_a_note_is_after_such_a_kill_sent_again_by_default_and_at_most_twice(
    make_site: SiteMaker, redis_url: str, sandbox: RunningSandbox
) -> None:
    site = make_site(redis_url, DESTINATIONS=SEARCHES_NOTHING)
    site.script(KILLED_BEFORE_STORING, dies=True)
    assert texts(sandbox) == ["Note 1"]

    site.worker()

    eventually(lambda: _is_synced(site))
    eventually(lambda: _is_empty(site))
    assert 1 <= posted(sandbox)["Note 1"] <= 2


def test_a_note_whose_process_is_killed_after_the_send_is_held_for_a_person_where_the_policy_says_so(
    make_site: SiteMaker, redis_url: str, sandbox: RunningSandbox
) -> None:
    hold = {"ON_UNKNOWN_OUTCOME": "hold"}
    site = make_site(redis_url, SYNCQUEUE_TELEGRAM=hold, DESTINATIONS=SEARCHES_NOTHING)
    site.script(KILLED_BEFORE_STORING, dies=True)

    site.worker()

    eventually(lambda: _has_states(site, ["unknown"]))
    eventually(lambda: _is_held(site))
    assert "check before you send it again" in site.errors()[0]
    assert posted(sandbox) == {"Note 1": 1}


def _is_held(site: Site) -> None:
    tasks = site.tasks()
    assert len(tasks.pop("failed")) == 1
    assert tasks == {"pending": [], "delayed": [], "processing": []}


def _goes_out_once(site: Site, sandbox: RunningSandbox) -> None:
    eventually(lambda: _is_synced(site))
    eventually(lambda: _is_empty(site))
    assert texts(sandbox) == ["Note 1"]
    assert posted(sandbox) == {"Note 1": 1}


def _are_synced(site: Site) -> None:
    assert site.states() == ["synced", "synced"]


def _is_synced(site: Site) -> None:
    assert site.states() == ["synced"]


def _has_states(site: Site, expected: list[str]) -> None:
    assert site.states() == expected


def _is_empty(site: Site) -> None:
    assert site.tasks() == ALL_EMPTY
