"""How long the pages take with a million failed tasks and a million records: `make bench-pages`.

A server and a database of its own, in a temporary folder. Prints a table; exit code 1 when a page takes longer than
300 ms of server time, or a Redis command longer than 50 ms.
"""

from __future__ import annotations

import argparse
import atexit
import json
import logging
import os
import re
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

PAGE_MS = 300.0
COMMAND_MS = 50.0
TAKES = 5  # of each page; the median counts
CHUNK = 5000
KINDS = 200  # of reasons
OTHERS = 10  # for so many failed records there is one in each other state
QUEUES = "/admin/syncqueue/queue/"
WRITER = {"CLASS": "tests.faults.handlers.Writer"}  # a service of generic tasks
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')  # what a round hands to the next
GOES_ON = "data-syncqueue-go-on"  # of the form of a page whose work is not done yet
RECORDS = "/admin/syncqueue/syncrecord/"

folder = Path(tempfile.mkdtemp(prefix="syncqueue-bench-"))
atexit.register(shutil.rmtree, folder, ignore_errors=True)


def start_server() -> Any:
    """A Redis of its own; sets the variables of the site."""
    from tests.redis_server import RedisServer

    (folder / "redis").mkdir()
    server = RedisServer(folder / "redis", durable=False)
    server.start()
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"  # with a database of its own in a temporary folder
    return server


def set_up(url: str) -> Any:
    """Django with its tables and an operator; answers a logged-in client."""
    import django

    django.setup()
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.test import Client, override_settings

    override_settings(SYNCQUEUE={"REDIS": url, "HANDLERS": {"telegram": {}, "writer": WRITER}}).enable()
    logging.disable(logging.INFO)  # a line for each chunk
    call_command("migrate", verbosity=0)
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("admin", "a@example.org", "admin"))
    return client


def fill_queue(url: str, count: int) -> None:
    """Failed tasks, written as the scripts write them, but many at once and by a patient client."""
    import redis
    from django.utils import timezone

    from syncqueue.core.task import AttemptNote, Progress, SyncTask, encode_body, encode_progress
    from syncqueue.dispatch.site_queues import get_queue

    queue = get_queue("writer")
    queue.enqueue(SyncTask("writer", "update", "notes.note:0"))  # stamps the queue
    note = AttemptNote(at=timezone.now(), seconds=0.1, outcome="failure", error="Refused: the channel is gone.")
    progress = encode_progress(Progress().after(note, counts=True))
    client = redis.Redis.from_url(url, socket_timeout=60)
    keys, now = queue.calls.keys, int(time.time() * 1000)
    for first in range(0, count, CHUNK):
        tasks = [SyncTask("writer", "update", f"notes.note:{n}") for n in range(first, min(count, first + CHUNK))]
        pipe = client.pipeline(transaction=False)
        pipe.hset(keys["bodies"], mapping={task.id: encode_body(task) for task in tasks})
        pipe.hset(keys["progress"], mapping={task.id: progress for task in tasks})
        pipe.zadd(keys["failed"], {task.id: now - count + first + n for n, task in enumerate(tasks)})
        pipe.execute()


def fill_records(count: int) -> None:
    """So many failed records of one destination, for 200 kinds of reasons, and among them some in each other state."""
    from django.utils import timezone

    from syncqueue.core.error_kind import kind_of
    from syncqueue.models import Destination, RecordState, SyncRecord

    place = Destination.objects.create(name="@news", service="telegram", address="@news")
    now, others = timezone.now(), [state for state in RecordState if state != RecordState.FAILED]

    def record(n: int, state: RecordState) -> SyncRecord:
        reasons = {
            RecordState.FAILED: f"Message {n} is refused for reason {word(n % KINDS)}.",
            RecordState.UNKNOWN: f"The response to message {n} was lost.",
        }
        error = reasons.get(state, "")
        at, kind = (now, kind_of(error)) if error else (None, None)
        key = f"{n}" if state == RecordState.FAILED else f"{n}-{state}"
        about = {"source": "notes.note", "object_pk": key, "destination": place, "service": "telegram"}
        return SyncRecord(**about, state=state, error=error, error_at=at, error_kind=kind)

    for first in range(0, count, CHUNK):
        numbers = range(first, min(count, first + CHUNK))
        SyncRecord.objects.bulk_create(
            record(n, state) for n in numbers for state in [RecordState.FAILED, *(others if n % OTHERS == 0 else ())]
        )


def word(number: int) -> str:
    """A number in letters: digits make no difference between reasons."""
    return f"{chr(65 + number // 26)}{chr(65 + number % 26)}"


def pages(count: int) -> Iterator[tuple[str, str]]:
    """The pages that are measured."""
    tasks = f"{QUEUES}writer/tasks/failed/"
    yield "dashboard, hour", QUEUES
    yield "dashboard, week", f"{QUEUES}?span=week"
    yield "live part", f"{QUEUES}live/"
    yield "tasks, first", tasks
    yield "tasks, middle", f"{tasks}?start={count // 2}"
    yield "tasks, last", f"{tasks}?start={count - 50}"
    yield "records, first", RECORDS
    yield "records, middle", f"{RECORDS}?older={count // 2}"
    yield "records, last", f"{RECORDS}?oldest=1"
    yield "records of a service", f"{RECORDS}?service=telegram"
    yield "failures by reason", f"{QUEUES}failures/"
    yield "records, failed, middle", f"{RECORDS}?state__exact=failed&older={count // 2}"


def median_ms(client: Any, path: str) -> float:
    """Server time of a page."""
    took = []
    for _take in range(TAKES):
        began = time.perf_counter()
        answer = client.get(path)
        took.append((time.perf_counter() - began) * 1000)
        if answer.status_code != 200:
            raise SystemExit(f"{path} answered {answer.status_code}")
    return sorted(took)[TAKES // 2]


class Worker(threading.Thread):
    """Claims and acks while a person's long work goes on."""

    def __init__(self) -> None:
        """Not started yet."""
        super().__init__(daemon=True)
        self.count = 0
        self.ended = threading.Event()

    def run(self) -> None:
        """Until told to end."""
        from syncqueue.dispatch.site_queues import get_queue

        queue = get_queue("writer")
        while not self.ended.is_set():
            for claimed in queue.claim(20).tasks:
                queue.ack(claimed)
                self.count += 1


def long_work(client: Any, path: str, data: dict[str, Any]) -> tuple[int, float, float, int]:
    """Rounds, seconds in all, the longest round, and how many tasks a worker did meanwhile."""
    worker = Worker()
    worker.start()
    began, longest, rounds, fields = time.perf_counter(), 0.0, 0, data
    while fields:
        started = time.perf_counter()
        page = client.post(path, fields, follow=True).content.decode()  # the page that shows how far it is
        longest = max(longest, time.perf_counter() - started)
        rounds += 1
        fields = {}
        for name, value in HIDDEN.findall(page) if GOES_ON in page else ():
            fields.setdefault(name, []).append(unescape(value))
    worker.ended.set()
    worker.join()
    return rounds, time.perf_counter() - began, longest, worker.count


def slowest_ms(client: Any) -> float:
    """The slowest command since the log was emptied; one over the limit is shown."""
    entries = client.slowlog_get(128)
    for entry in entries:
        if entry["duration"] / 1000 > COMMAND_MS:
            print(f"  {entry['duration'] / 1000:.1f} ms: {entry['command']!r:.200}")
    return max((entry["duration"] / 1000 for entry in entries), default=0.0)


def main() -> int:
    """Fill, measure, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON at the end")
    asked = parser.parse_args()
    server = start_server()
    client = set_up(server.url)
    began = time.perf_counter()
    fill_queue(server.url, asked.count)
    fill_records(asked.count)
    print(f"{asked.count:,} failed tasks and as many records, made in {time.perf_counter() - began:.0f} s")
    from syncqueue.dispatch.site_queues import get_queue

    redis = get_queue("writer").client
    redis.config_set("slowlog-log-slower-than", 1000)
    redis.slowlog_reset()
    figures: dict[str, float] = {}
    for name, path in pages(asked.count):
        figures[name] = median_ms(client, path)
        print(f"  {name:24} {figures[name]:7.1f} ms")
    slow = {"pages": slowest_ms(redis)}
    works = (
        ("retry all", f"{QUEUES}writer/retry-failed/", {"confirmed": "1"}),
        ("clear", f"{QUEUES}writer/clear/", {"states": ["pending", "delayed", "failed"]}),
    )
    for name, path, data in works:
        redis.slowlog_reset()
        rounds, seconds, longest, worked = long_work(client, path, data)
        slow[name] = slowest_ms(redis)
        print(
            f"  {name:24} {seconds:7.1f} s in {rounds} rounds, longest {longest:.1f} s; a worker did {worked:,} tasks "
            f"meanwhile"
        )
    for name, took in slow.items():
        print(f"  slowest command, {name:10} {took:7.1f} ms")
    if asked.json:
        print(json.dumps({"pages_ms": figures, "slowest_command_ms": slow}))
    is_good = all(took < PAGE_MS for took in figures.values()) and all(took < COMMAND_MS for took in slow.values())
    print("all within the limits" if is_good else "TOO SLOW")
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
