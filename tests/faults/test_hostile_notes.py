"""Notes that are small to write and large to read, beside others' notes, through a real server and a real worker."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from project.sandbox.testing import RunningSandbox
from tests.eventually import eventually
from tests.faults.channel import posted
from tests.faults.conftest import SiteMaker
from tests.faults.site import FIGURES, UNHURRIED, Site
from tests.faults.test_servers import serve
from tests.hostile.shapes import SHAPES

GOOD_COUNT = HOSTILE_COUNT = 20
SIZE = 45_000  # characters: below the bound, so that all of it is read
PEOPLE = 8
WEB_PROCESSES = 2
SERVER = (
    "gunicorn", "project.wsgi", "--workers", str(WEB_PROCESSES), "--threads", "4", "--bind", "{address}",
)  # fmt: skip


def test_hostile_notes_stop_no_page_no_process_and_no_other_note(
    make_site: SiteMaker, redis_url: str, sandbox: RunningSandbox
) -> None:
    site = make_site(redis_url, **_two_services(sandbox))
    url = serve(site, SERVER)
    worker = site.worker()
    # One in two of the worst shapes, so that all kinds of them are among the twenty.
    hostile = [SHAPES[name](SIZE) for name in list(SHAPES)[1::2][:HOSTILE_COUNT]]
    good = [f"Good note {n}" for n in range(GOOD_COUNT)]
    texts = [text for pair in zip(hostile, good, strict=True) for text in pair]

    with ThreadPoolExecutor(PEOPLE) as people:
        saves = [people.submit(_post, f"{url}/save/", text) for text in texts]
        while not all(one.done() for one in saves):
            assert _get(f"{url}/login/") == 200
        assert {one.result() for one in saves} == {200}

    eventually(lambda: _all_ended(site, len(texts), lambda: _get(f"{url}/login/")))
    assert worker.poll() is None
    assert site.logs().count("Booting worker") == WEB_PROCESSES, "a web process was replaced"
    assert {text: posted(sandbox)[text] for text in good} == dict.fromkeys(good, 1)
    shown = [status["text"] for status in sandbox.statuses("@notes")]
    assert {text: shown.count(text) for text in good} == dict.fromkeys(good, 1)
    unexplained = site.sql("SELECT id FROM syncqueue_syncrecord WHERE state = 'failed' AND error = ''")
    assert unexplained == []


def _two_services(sandbox: RunningSandbox) -> dict[str, Any]:
    host = sandbox.mastodon_url.removeprefix("http://")
    notes = {
        "SERVICE": "mastodon",
        "ADDRESS": sandbox.mastodon_url,
        "SECRET": {"access_token": sandbox.mastodon_token},
        "OPTIONS": {"over_limit": "link"},
    }
    return UNHURRIED | {
        "SYNCQUEUE_SERVICES": "telegram,mastodon",
        "SYNCQUEUE_ALLOWED_PRIVATE_HOSTS": host,
        "DESTINATIONS": FIGURES["DESTINATIONS"] | {"notes": notes},
    }


def _post(url: str, text: str) -> int:
    return httpx.post(url, data={"markdown": text}, trust_env=False, timeout=60).status_code


def _get(url: str) -> int:
    return httpx.get(url, trust_env=False, timeout=60).status_code


def _all_ended(site: Site, notes: int, look: Any) -> None:
    assert look() == 200
    states = site.states()
    assert len(states) == 2 * notes
    assert set(states) <= {"synced", "failed"}
