"""Reads Redis from outside: every task is in exactly one state (I1), and none is left at the end."""

import threading
from collections import Counter

import redis

from project.demo_check.sandbox import SERVICES

STATES = {"pending": "queue", "delayed": "delayed", "processing": "processing", "failed": "failed"}
EVERY_SECONDS = 1.0


def tasks(url: str) -> dict[str, list[str]]:
    """Return service and id of every task by state; the states of a service are read in one transaction."""
    with redis.Redis.from_url(url, decode_responses=True, socket_timeout=2) as client:
        found: dict[str, list[str]] = {state: [] for state in STATES}
        for service in SERVICES:
            pipe = client.pipeline(transaction=True)
            for key in STATES.values():
                pipe.zrange(f"sync:{{{service}}}:{key}", 0, -1)
            for state, ids in zip(STATES, pipe.execute(), strict=True):
                found[state] += [f"{service} {task_id}" for task_id in ids]
        return found


class Watch(threading.Thread):
    """Checks once a second, while Redis responds, for a task in two states."""

    def __init__(self, url: str, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.looks = 0
        self.in_two_states: list[str] = []
        self._url = url
        self._stop_looking = stop

    def run(self) -> None:
        while not self._stop_looking.wait(EVERY_SECONDS):
            try:
                found = tasks(self._url)
            except redis.RedisError:  # an injected fault
                continue
            self.looks += 1
            counts = Counter(task for ids in found.values() for task in ids)
            self.in_two_states += [task for task, count in counts.items() if count > 1]
