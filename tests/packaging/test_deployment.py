"""The files of a deployment, judged by their own linters, and by what the app's settings ask of them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from syncqueue.conf import ProcessingSettings
from tests.packaging.distributions import CHECKOUT, run

COMPOSE = yaml.safe_load((CHECKOUT / "compose.yaml").read_text())
UNITS = sorted((CHECKOUT / "deploy").glob("*.service"))


def test_hadolint_has_nothing_to_say_of_the_dockerfile() -> None:
    run(Path(sys.executable).with_name("hadolint"), "Dockerfile", cwd=CHECKOUT)


def test_the_image_gets_no_environment_file_and_runs_as_nobody_special() -> None:
    ignored = (CHECKOUT / ".dockerignore").read_text().splitlines()
    dockerfile = (CHECKOUT / "Dockerfile").read_text()

    assert ignored[1] == "*"
    assert not any(line.startswith("!.env") for line in ignored)
    assert re.search(r"^USER [1-9]\d*$", dockerfile, re.MULTILINE)


def test_what_the_image_copies_is_not_ignored() -> None:
    kept = {line.removeprefix("!") for line in (CHECKOUT / ".dockerignore").read_text().splitlines() if line[:1] == "!"}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (CHECKOUT / "Dockerfile").read_text(), re.MULTILINE)

    assert {name for line in copied for name in line.split()} == kept


def test_compose_has_web_worker_and_stores_that_keep_their_data() -> None:
    services = COMPOSE["services"]

    assert {"web", "worker", "migrate", "postgres", "valkey", "manticore"} == set(services)
    assert services["worker"]["command"][-1] == "runsyncworker"
    assert services["worker"]["build"] == services["web"]["build"] == "."
    valkey = " ".join(services["valkey"]["command"])
    assert "--appendonly yes" in valkey
    assert "--maxmemory-policy noeviction" in valkey
    assert all(services[name]["volumes"] for name in ("postgres", "valkey", "manticore"))


def test_a_worker_is_given_longer_to_stop_than_its_attempts_are() -> None:
    shutdown = ProcessingSettings().shutdown_seconds
    of_compose = float(COMPOSE["services"]["worker"]["stop_grace_period"].removesuffix("s"))
    unit = (CHECKOUT / "deploy/syncqueue-worker@.service").read_text()
    of_systemd = float(re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)[1])  # type: ignore[index]

    assert shutdown < of_compose
    assert shutdown < of_systemd


def test_systemd_understands_the_units(tmp_path: Path) -> None:
    for unit in UNITS:
        # Paths and user of the server are not here; all else is as it is.
        text = unit.read_text().replace("/srv/site/.venv/bin/python", "/bin/true")
        text = text.replace("/srv/site/.venv/bin/gunicorn", "/bin/true").replace("User=site", "User=root")
        (tmp_path / unit.name.replace("@.", "@1.")).write_text(text.replace("Group=site", "Group=root"))

    if verify := shutil.which("systemd-analyze"):
        made = sorted(tmp_path.glob("*.service"))
        done = subprocess.run([verify, "verify", "--man=no", *made], capture_output=True, text=True, check=False)
        said = [line for line in done.stderr.splitlines() if "syncqueue" in line]
        assert said == []
    assert all("[Service]" in file.read_text() for file in tmp_path.glob("*.service"))
