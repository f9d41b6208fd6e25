"""`python -m project.demo_check`: starts a demo in a new folder on free ports, plays the story, prints the verdict."""

import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

import httpx

from project.demo.plan import PORT_NAMES, SERVICE_PORTS, CannotStart, Plan, is_free, make_plan
from project.demo.supervisor import Demo

from .sandbox import Sandbox
from .site import Site, SiteError
from .steps import STEPS
from .story import Story, StoryFailed

# Variables of a developer that would change the story: figures, destinations, Redis, database.
OWN_NAMES = (
    "SYNCQUEUE_",
    "TELEGRAM_",
    "MASTODON_",
    "MANTICORE_",
    "WEBHOOK_",
    "BLUESKY_",
    "DESTINATIONS",
    "DATABASE_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "LANGUAGE_CODE",
)
# Below the ephemeral port range: in it, a client that keeps trying the port of a stopped Redis can connect to itself.
# With room for the ports that follow the sandbox's port.
ROOM = 1 + max(SERVICE_PORTS.values())
PORTS = range(20_000, 30_000, ROOM)
SHOWN_LINES = 40  # printed for each process if the story fails


def main() -> int:
    """Return the exit code: 0 only if every step holds and every process exits with 0."""
    signal.signal(signal.SIGTERM, _interrupted)
    started = time.monotonic()
    lines: dict[str, list[str]] = {}
    try:
        with tempfile.TemporaryDirectory(prefix="syncqueue-demo-") as folder:
            codes = run(fresh_plan(Path(folder)), lines)
        if any(codes.values()):
            raise StoryFailed(f"All processes should have exited with 0: {codes}")
    except (CannotStart, SiteError, StoryFailed, httpx.HTTPError) as error:
        show(lines)
        print(f"\ndemo-check FAILED: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo-check was interrupted; everything is stopped.", file=sys.stderr)
        return 130
    print(f"Stopped in order, exit codes: {', '.join(f'{name} {code}' for name, code in codes.items())}")
    print(f"demo-check: all of it held, {time.monotonic() - started:.0f} s")
    return 0


def run(plan: Plan, lines: dict[str, list[str]]) -> dict[str, int | None]:
    """Play the story; returns the exit codes of the processes. Their output goes to `lines`, by name."""

    def keep(name: str, line: str) -> None:
        lines.setdefault(name, []).append(line)

    print("Starting an embedded Valkey, the sandbox, the web server and a worker ...", flush=True)
    with ExitStack() as stack:
        demo = stack.enter_context(Demo(plan, keep))
        site = stack.enter_context(Site(plan.site_url))
        sandbox = stack.enter_context(Sandbox(plan.sandbox_url or ""))
        site.log_in("admin", "admin")
        Story(demo, site, sandbox, say).play(STEPS)
        return demo.stop()


def fresh_plan(folder: Path) -> Plan:
    return make_plan(clean(os.environ) | free_ports(), folder)


def clean(given: Mapping[str, str]) -> dict[str, str]:
    """Return the variables without `.env` and without those of services, so that the story is the same everywhere."""
    return {name: value for name, value in given.items() if not name.startswith(OWN_NAMES)} | {"ENV_FILE": ""}


def free_ports() -> dict[str, str]:
    """Return a free port for each variable, each followed by free ports (the sandbox needs several)."""
    variables = [variable for variable, _ in PORT_NAMES.values()]
    while True:
        ports = random.SystemRandom().sample(PORTS, len(variables))
        if all(is_free(port + step) for port in ports for step in range(ROOM)):
            return {variable: str(port) for variable, port in zip(variables, ports, strict=True)}


def show(lines: Mapping[str, list[str]]) -> None:
    for name, said in lines.items():
        for line in said[-SHOWN_LINES:]:
            print(f"{name:>8} | {line}", file=sys.stderr)


def say(line: str) -> None:
    print(line, flush=True)


def _interrupted(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
