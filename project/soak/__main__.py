"""`python -m project.soak --minutes 10 --seed 42`: injects faults at random, then prints the verdict."""

import argparse
import random
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from project.demo.plan import SANDBOX_TOKEN, SHORT_WAITS, CannotStart
from project.demo_check.sandbox import SERVICES, Sandbox
from project.demo_check.site import Site, SiteError

from .faults import EVERY_SECONDS, Faults, Stop
from .field import WEB_COUNT, WORKER_COUNT, Field, soak_plan
from .history import History
from .judge import (
    Place,
    Verdict,
    count_records,
    differences,
    judge,
    numbers_in,
    read_failed,
    read_log,
    read_shown,
    unlearned,
)
from .people import Choices, Diary, Person
from .queues import Watch, tasks
from .wishes import Wishes, read_notes, wishes_of
from .writer import TAG, Writer

PEOPLE_COUNT = 4
# Maximum time until notes and channels agree after the last fault. A search for a lost message makes up to 50 probes, a
# few a second in one chat, and the last faults leave a search for each note that was being sent.
REST_SECONDS = 600.0
SHOWN_COUNT = 20
SHOWN_TASKS = 5  # of each state


def main() -> int:
    """Return 0 if nothing was lost, no duplicate is unexplained, and no task was in two states."""
    arguments = _arguments()
    print(f"soak: {arguments.minutes:g} minutes, seed {arguments.seed}", flush=True)
    print(f"  settings: {', '.join(settings())}", flush=True)
    lines: list[str] = []
    try:
        with tempfile.TemporaryDirectory(prefix="syncqueue-soak-") as folder:
            holds = run(Path(folder), arguments, lines)
    except (CannotStart, SiteError, httpx.HTTPError) as error:
        print(*lines[-60:], sep="\n", file=sys.stderr)
        print(f"soak aborted: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    if not holds:
        print(*lines[-60:], sep="\n", file=sys.stderr)
    print(f"soak: {'all of it held' if holds else 'FAILED'} (seed {arguments.seed})")
    return 0 if holds else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m project.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--plant", action="store_true", help="post one message twice, so that the judge must fail")
    return parser.parse_args()


def settings() -> list[str]:
    """Return the settings of the soak in words."""
    processing = SHORT_WAITS["SYNCQUEUE_PROCESSING"]
    return [
        f"{PEOPLE_COUNT} people, {WEB_COUNT} web servers, {WORKER_COUNT} workers, {len(SERVICES)} services",
        f"a fault every {EVERY_SECONDS[0]:g} to {EVERY_SECONDS[1]:g} s",
        f"attempts of {processing['ATTEMPT_TIMEOUT_SECONDS']:g} s, leases of {processing['LEASE_SECONDS']:g} s",
    ]


def run(folder: Path, arguments: argparse.Namespace, lines: list[str]) -> bool:
    """Run one soak; returns whether everything held. The output of the processes goes to `lines`."""
    plan, web_ports = soak_plan(folder)
    diary = Diary()
    with (
        Field(plan, web_ports, lambda name, line: lines.append(f"{name:>8} | {line}")) as field,
        Sandbox(field.sandbox_url) as sandbox,
    ):
        # With its own rate limits all these notes would take hours; the modes inject enough limits.
        sandbox.set_mastodon(request_limit=1_000_000, delete_limit=1_000_000)
        sandbox.set_bluesky(points_per_hour=1_000_000, login_limit=1_000_000, daily_login_limit=1_000_000)
        faults, watch, writer = disturb(field, sandbox, diary, arguments)
        seconds, retried = come_to_rest(field, sandbox, faults.stops, writer.history)
        if arguments.plant:
            plant(_wishes(field, writer.history), field)
        failed = read_failed(field.database)
        wishes = _wishes(field, writer.history)
        log, shown = read_log(field.log_file), sandbox.channels()
        verdict = judge(log, faults.stops, wishes.wanted, shown, failed.values(), wishes.possible)
        faults.counts.update(writer.counts)
        report(verdict, faults, diary, watch, seconds, retried, count_records(field.database))
        print(f"  failed records that tell a person to look for a copy: {sum(map(bool, failed.values()))}")
        left = _left(tasks(plan.redis_url), failed)
        print(f"  other tasks left in Redis: {_counted(left) or 'none'}")
    return verdict.holds and not watch.in_two_states and not diary.refused and not left


def disturb(
    field: Field, sandbox: Sandbox, diary: Diary, arguments: argparse.Namespace
) -> tuple[Faults, Watch, Writer]:
    """Let users write while faults are injected, for the given time; then repair everything."""
    stop = threading.Event()
    with Site(field.web_urls[0]) as site:
        site.log_in("admin", "admin")
        choices = Choices(owners=list(site.user_ids().values()), tag=site.add_tag(TAG))
    writer = Writer(field.web_urls[0], sandbox, arguments.seed, stop)
    faults = Faults(field, sandbox, arguments.seed, stop)
    watch = Watch(field.plan.redis_url, stop)
    people = []
    for n in range(PEOPLE_COUNT):
        web = n % len(field.webs)
        stood_still = partial(faults.stood_still, field.webs[web].name)
        people.append(Person(field.web_urls[web], diary, choices, arguments.seed + n, stop, stood_still))
    threads: list[threading.Thread] = [faults, watch, writer, *people]
    for thread in threads:
        thread.start()
    ends_at = time.monotonic() + arguments.minutes * 60
    while time.monotonic() < ends_at and faults.is_alive():
        time.sleep(0.2)
    stop.set()
    for thread in threads:
        thread.join()
    if failure := faults.failure or writer.failure:
        raise failure
    return faults, watch, writer


def come_to_rest(field: Field, sandbox: Sandbox, stops: Sequence[Stop], history: History) -> tuple[float, int]:
    """Wait until the services agree with the notes, and retry failed tasks as a person would.

    Returns the seconds and the number of retried tasks. Gives up after REST_SECONDS; the verdict then lists what is
    missing.
    """
    started = time.monotonic()
    retried = 0
    with Site(field.web_urls[0]) as site:
        site.log_in("admin", "admin")
        while time.monotonic() - started < REST_SECONDS:
            failed = read_failed(field.database)
            left = _left(tasks(field.plan.redis_url), failed)
            # Dead letters are lost with an emptied Redis; the dashboard lists the failed records of the database.
            if left.get("failed") or not all(failed.values()):
                remove_shown(field, sandbox)
                retried += site.retry_failed()
            elif not left and not _differences(field, sandbox, stops, failed.values(), history):
                break
            time.sleep(0.5)
    return time.monotonic() - started, retried


def remove_shown(field: Field, sandbox: Sandbox) -> None:
    """Look at the messages that may be a lost one, and remove those of the note, as the reason tells a person to do."""
    shown = read_shown(field.database)
    channels = sandbox.channels() if shown else {}
    for channel, message_id, number in shown:
        if numbers_in(channels.get(channel, ())).get(message_id) == number:
            _call_bot(field, "deleteMessage", {"chat_id": channel, "message_id": message_id})


def _call_bot(field: Field, method: str, params: Mapping[str, object]) -> None:
    url = f"{field.plan.environment['TELEGRAM_API_BASE_URL']}/bot{SANDBOX_TOKEN}/{method}"
    httpx.post(url, json=params, trust_env=False).raise_for_status()


def _left(found: Mapping[str, Sequence[str]], failed: Mapping[int, Place | None]) -> dict[str, list[str]]:
    """Return the tasks by state, without failed ones that tell a person to look for a copy: a retry changes nothing."""
    explained = {f"key:record-{key}" for key, place in failed.items() if place}
    left = {state: list(ids) for state, ids in found.items()}
    left["failed"] = [task for task in left["failed"] if task.split()[1] not in explained]
    return {state: ids for state, ids in left.items() if ids}


def _counted(left: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(f"{state} {len(ids)}: {', '.join(ids[:SHOWN_TASKS])}" for state, ids in left.items() if ids)


def _differences(
    field: Field, sandbox: Sandbox, stops: Sequence[Stop], named: Collection[Place | None], history: History
) -> list[str]:
    excused, wishes = unlearned(read_log(field.log_file), stops), _wishes(field, history)
    return differences(wishes.wanted, sandbox.channels(), excused, named, wishes.possible)


def _wishes(field: Field, history: History) -> Wishes:
    return wishes_of(read_notes(field.database), history)


def plant(wishes: Wishes, field: Field) -> None:
    """Post the message of a note once more, bypassing syncqueue."""
    channel, notes = next((channel, notes) for channel, notes in wishes.wanted.items() if notes)
    _call_bot(field, "sendMessage", {"chat_id": channel, "text": next(iter(notes.values()))})


def report(
    verdict: Verdict, faults: Faults, diary: Diary, watch: Watch, seconds: float, retried: int, record_count: int
) -> None:
    """Print the figures."""
    figures: Mapping[str, Any] = {
        "saves": diary.saves,
        "saves interrupted (web killed)": diary.broken_off,
        "saves refused": len(diary.refused),
        "longest save": f"{diary.longest_seconds:.2f} s",
        "records in the end (a note at a destination, each with one task at a time)": record_count,
        "requests that changed the data of a service": verdict.request_count,
        "messages and statuses created": verdict.created_count,
        "failed tasks that were retried by hand": retried,
        "seconds from the last fault until everything was delivered": f"{seconds:.1f}",
        "inspections of Redis, tasks in two states": f"{watch.looks}, {len(watch.in_two_states)}",
        "lost": len(verdict.lost),
        "unexplained duplicates": len(verdict.doubled),
        "explained duplicates": len(verdict.allowed),
    }
    print("  faults: " + ", ".join(f"{name} {count}" for name, count in sorted(faults.counts.items())))
    for name, figure in figures.items():
        print(f"  {name}: {figure}")
    for text in [*diary.refused, *verdict.lost, *verdict.doubled, *verdict.allowed][:SHOWN_COUNT]:
        print(f"    {text}")


if __name__ == "__main__":
    sys.exit(main())
