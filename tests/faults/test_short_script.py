"""A script that saves and ends while the service hangs: it ends, and says nothing that alarms."""

from __future__ import annotations

import pytest

from project.sandbox.testing import RunningSandbox
from tests.eventually import eventually
from tests.faults.conftest import SiteMaker

SAVE_AND_END = """
from project.notes.models import Note
Note.objects.create(owner_id=1, text="First")
answer("saved")
"""


@pytest.mark.parametrize("service", ["telegram", "manticore"])
def test_a_script_that_saves_while_the_service_hangs_ends_without_a_traceback_and_a_worker_goes_on(
    make_site: SiteMaker, redis_url: str, sandbox: RunningSandbox, service: str
) -> None:
    variables = {"SYNCQUEUE_SERVICES": service, "MANTICORE_URL": sandbox.manticore_url}
    if service == "manticore":
        variables["DESTINATIONS"] = {"search": {"SERVICE": "manticore", "ADDRESS": "notes"}}  # type: ignore[assignment]
    site = make_site(
        redis_url, DJANGO_SETTINGS_MODULE="project.settings", SYNCQUEUE_IMMEDIATE={"TIMEOUT_SECONDS": 0.2}, **variables
    )
    sandbox.set_mode(service, "hang-before")
    assert site.script(SAVE_AND_END) == "saved"
    assert "Traceback" not in site.logs()
    assert site.states() == ["waiting"]
    sandbox.set_mode(service, "up")
    site.make_records_old()

    def goes_out() -> None:
        assert site.manage("runsyncworker", "--burst") == 0
        assert site.states() == ["synced"]

    eventually(goes_out)
