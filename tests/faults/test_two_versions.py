"""During an upgrade: processes of the old and of the new code on one Redis and one database."""

from __future__ import annotations

from project.sandbox.testing import RunningSandbox
from tests.eventually import eventually
from tests.faults.channel import posted
from tests.faults.conftest import SiteMaker
from tests.faults.site import ALL_EMPTY, Site

# The next release: it writes task bodies in a form that this one does not know.
NEWER = """
from syncqueue.core import task as forms
forms.BODY_VERSION = "2"
"""


def test_what_a_newer_web_process_enqueues_is_kept_by_an_older_worker_for_a_newer_one(
    make_site: SiteMaker, redis_url: str, sandbox: RunningSandbox
) -> None:
    site = make_site(redis_url)
    older = site.worker()
    # Note and record in one transaction: the older worker's sweep must not see the one without the other.
    site.script(f"{NEWER}\nwith syncqueue.queued(), transaction.atomic(): save('Note 0')")
    site.script("with syncqueue.queued(), transaction.atomic(): save('Note 1')")

    eventually(lambda: _assert_kept(site, sandbox))
    reason = site.script("answer(services.task('telegram', 'key:record-1').unreadable)")
    assert reason == "unknown version '2'; this code reads version 1."

    older.terminate()
    older.wait()
    site.script(f"{NEWER}\nservices.retry_failed('telegram', actor='a test')")
    site.worker(patch=NEWER)
    eventually(lambda: _assert_out(site, sandbox))


def _assert_kept(site: Site, sandbox: RunningSandbox) -> None:
    assert len(site.tasks()["failed"]) == 1
    assert site.states() == ["waiting", "synced"]
    assert posted(sandbox) == {"Note 1": 1}


def _assert_out(site: Site, sandbox: RunningSandbox) -> None:
    assert site.tasks() == ALL_EMPTY
    assert site.states() == ["synced", "synced"]
    assert posted(sandbox) == {"Note 0": 1, "Note 1": 1}
