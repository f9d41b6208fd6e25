"""`python -m project.demo`: runs the demo until Ctrl-C. `make demo` creates its virtual environment first."""

import fcntl
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import environ

from .plan import BASE_DIR, CannotStart, Plan, make_plan
from .supervisor import Demo, how_ended

FOLDER = BASE_DIR / ".demo"


def main() -> int:
    """Return the exit code: 0 after Ctrl-C or SIGTERM, 1 if a process could not start or died."""
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stopping.set())
    try:
        plan = make_plan(variables(), FOLDER)
        with only_one(FOLDER), Demo(plan, print_line, stopping.is_set) as demo:
            write_variables(plan)
            print(welcome(plan), flush=True)
            return watch(demo, stopping)
    except CannotStart as error:
        print(f"\n{error}", file=sys.stderr)
        return 0 if stopping.is_set() else 1


def variables() -> dict[str, str]:
    """Return the variables of the shell and of `.env`; the shell takes precedence."""
    if name := os.environ.get("ENV_FILE", ".env"):
        environ.Env.read_env(BASE_DIR / name)
    return dict(os.environ)


def watch(demo: Demo, stopping: threading.Event) -> int:
    while not stopping.wait(0.3):
        if child := demo.dead():
            print(f"\n{child.name} {how_ended(child)}; stopping the others.", file=sys.stderr)
            return 1
    print("\nStopping: web, worker, sandbox, Valkey.", flush=True)
    return 0


def print_line(name: str, line: str) -> None:
    print(f"{name:>8} | {line}", flush=True)


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Lock the folder, because two demos would write to the same files; raises `CannotStart` for the second demo."""
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart("The demo is already running in this folder. Stop it with Ctrl-C first.") from None
        yield


def write_variables(plan: Plan) -> None:
    """Write the demo's own variables for commands next to the running demo, without those of `.env`."""
    own = {name: value for name, value in plan.environment.items() if os.environ.get(name) != value}
    (plan.folder / "env").write_text("".join(f"{name}={value}\n" for name, value in sorted(own.items())))


def welcome(plan: Plan) -> str:
    rows = [
        ("Notes", plan.site_url + "/", "log in as writer / writer"),
        ("Admin", plan.site_url + "/admin/", "log in as admin / admin"),
    ]
    if plan.sandbox_url:
        rows.append(("Sandbox", plan.sandbox_url + "/", "the messages of each service, and its switch"))
    else:
        rows.append(("Services", "as in .env", "notes go to the real services"))
    redis_place = "embedded, data in .demo/" if plan.starts_valkey else "as in .env"
    rows.append(("Redis", plan.redis_url if plan.starts_valkey else "REDIS_URL", redis_place))
    lines = [f"  {name:<9} {place:<34} {remark}" for name, place, remark in rows]
    line = "-" * 88
    hints = [
        "  Public notes go to @news, Mastodon and Bluesky, private notes to @drafts, notes tagged travel to @tagged;\n"
        "  all notes go to the search index and the webhook."
        if plan.sandbox_url
        else "  DESTINATIONS in .env defines where notes go.",
        "  Commands for this demo: ENV_FILE=.demo/env:.env .venv/bin/python manage.py ...   Stop: Ctrl-C",
    ]
    return "\n".join(["", line, *lines, "", *hints, line, ""])


if __name__ == "__main__":
    sys.exit(main())
