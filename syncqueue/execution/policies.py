"""The current policy of a service: the settings, overridden by its ServicePolicy row."""

from __future__ import annotations

import time
from dataclasses import replace

from syncqueue.conf import ServiceSettings, get_settings
from syncqueue.models import ServicePolicy
from syncqueue.site import record_db

# A change by a person takes effect within 5 seconds.
FRESH_SECONDS = 4.0

_rows: dict[str, ServicePolicy] = {}
_read_at = float("-inf")


def in_force(service: str) -> ServiceSettings:
    """Return the current policy of a service; reads the table at most every FRESH_SECONDS."""
    return _merge(get_settings().service(service), _policies().get(service))


def at_hand(service: str) -> ServiceSettings | None:
    """Return the current policy if it is cached, else None."""
    if time.monotonic() - _read_at > FRESH_SECONDS:
        return None
    return _merge(get_settings().service(service), _rows.get(service))


def is_paused(service: str) -> bool:
    """Return whether a person has paused the service. The table decides; Redis has a copy."""
    row = _policies().get(service)
    return row is not None and row.paused


def _policies() -> dict[str, ServicePolicy]:
    global _rows, _read_at
    if time.monotonic() - _read_at > FRESH_SECONDS:
        _rows = {row.service: row for row in ServicePolicy.objects.using(record_db()).all()}
        _read_at = time.monotonic()
    return _rows


def forget() -> None:
    """Clear the cache."""
    global _read_at
    _read_at = float("-inf")


def _merge(base: ServiceSettings, row: ServicePolicy | None) -> ServiceSettings:
    if row is None:
        return base
    retry = base.retry
    if row.max_retries is not None:
        retry = replace(retry, max_retries=row.max_retries)
    if row.base_delay_seconds is not None:
        retry = replace(retry, base_delay_seconds=row.base_delay_seconds)
    if row.backoff_multiplier is not None:
        retry = replace(retry, backoff_multiplier=row.backoff_multiplier)
    if row.max_delay_minutes is not None:
        retry = replace(retry, max_delay_seconds=row.max_delay_minutes * 60)
    return replace(base, retry=retry, concurrency=row.concurrency or base.concurrency)
