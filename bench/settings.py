"""A site with the bench's services and the demo's notes. `BENCH_FOLDER` and `BENCH_REDIS` say where its data is."""

import os
from pathlib import Path
from typing import Any

_FOLDER = Path(os.environ["BENCH_FOLDER"])

SECRET_KEY = "for-the-bench-only"  # noqa: S105 (no secret)
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "syncqueue",
    "bench.notes",
]
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(_FOLDER / "bench.sqlite3"),
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": "PRAGMA journal_mode=WAL;"},
    }
}
if _socket := os.environ.get("BENCH_POSTGRES"):  # the folder of its socket; see bench/webhooks.py
    DATABASES["default"] = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "postgres",
        "USER": "postgres",
        "HOST": _socket,
        "CONN_MAX_AGE": None,  # for a hand-written task, which otherwise connects anew each time
    }
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}

_concurrency = int(os.environ.get("BENCH_CONCURRENCY", "1000"))
_async: dict[str, Any] = {"CLASS": "bench.handlers.Async", "CONCURRENCY": _concurrency}

_service = os.environ.get("BENCH_SERVICE", "batches")
_places = range(int(os.environ.get("BENCH_PLACES", "1")))

# A receiver on this machine; see bench/webhooks.py.
_url = os.environ.get("BENCH_URL", "")
_secret: dict[str, Any] = {"SECRET": {"secret": "whsec_" + "MDEy" * 8}} if _url else {}

_short_leases = {
    "LEASE_SECONDS": 6,
    "ATTEMPT_TIMEOUT_SECONDS": 3,
    "SHUTDOWN_SECONDS": 4,
    "RECOVERY_INTERVAL_SECONDS": 2,
}

SYNCQUEUE: dict[str, Any] = {
    "DESTINATIONS": {f"place{n}": {"SERVICE": _service, "ADDRESS": _url or f"place{n}", **_secret} for n in _places},
    "ALLOWED_PRIVATE_HOSTS": ["127.0.0.1"],
    "IMMEDIATE": {"ENABLED": False},
    "REDIS": os.environ["BENCH_REDIS"],
    "PROCESSING": _short_leases if os.environ.get("BENCH_SHORT_LEASES") else {},
    "HANDLERS": {
        "noop": _async,
        "threads": {"CLASS": "bench.handlers.Threaded", "CONCURRENCY": 100},
        "copies": {"CLASS": "bench.copies.Copies", "CONCURRENCY": 200, "BATCH_SIZE": 1},
        "hanging": {"CLASS": "bench.copies.Hanging"},
        "batches": {"CLASS": "bench.copies.Copies", "CONCURRENCY": 4, "BATCH_SIZE": 500},
        "webhook": {"CLASS": "syncqueue.handlers.webhook.handler.WebhookHandler", "CONCURRENCY": _concurrency},
        "defaults": {"CLASS": "bench.handlers.Async"},
        **{f"idle{number}": _async for number in range(5)},
        **{f"many{number}": _async for number in range(int(os.environ.get("BENCH_SERVICES", "0")))},
    },
}
