"""The settings of the simulated site: one database in memory, and services that exist nowhere else."""

from typing import Any

SECRET_KEY = "for-simulations-only"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "syncqueue", "tests.simulation.site"]
DATABASES: dict[str, Any] = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
LOGGING_CONFIG = None

_RETRY = {"MAX_RETRIES": 3, "BASE_DELAY_SECONDS": 4.0, "MAX_DELAY_MINUTES": 1.0, "CONCURRENCY": 4}
SYNCQUEUE: dict[str, Any] = {
    "REDIS": "redis://127.0.0.1:1/0",  # simulated
    "IMMEDIATE": {"TIMEOUT_SECONDS": 2.0},
    "PROCESSING": {
        "LEASE_SECONDS": 30,
        "ATTEMPT_TIMEOUT_SECONDS": 8,
        "SHUTDOWN_SECONDS": 12,
        "RECOVERY_INTERVAL_SECONDS": 10,
        "RECONCILE_INTERVAL_SECONDS": 30,
    },
    "BREAKER": {"FAILURES": 3, "OPEN_SECONDS": 10},
    "HANDLERS": {
        # Gives its own ids and knows no repetition, as Telegram.
        "plain": {"CLASS": "tests.simulation.services.PlainHandler", **_RETRY},
        # Knows a repetition by its idempotency key, as Mastodon.
        "keyed": {"CLASS": "tests.simulation.services.KeyedHandler", **_RETRY},
        # Takes ids of our choosing, and many jobs in one call, as Manticore.
        "index": {"CLASS": "tests.simulation.services.IndexHandler", "BATCH_SIZE": 5, **_RETRY},
        # A site's own tasks.
        "jobs": {"CLASS": "tests.simulation.services.JobsHandler", **_RETRY},
    },
}
