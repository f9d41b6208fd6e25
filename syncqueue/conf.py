"""The only module that reads settings: frozen values made from `settings.SYNCQUEUE`.

Settings are read at the time of use, so `override_settings` works. `problems()` returns everything that is wrong with
the setting; the system checks show it, and `get_settings` raises it.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from django.conf import settings as django_settings
from django.core.signals import setting_changed

from syncqueue.core.backoff import RetryPolicy
from syncqueue.core.errors import ConfigurationError
from syncqueue.core.task import NAME_PATTERN

SETTING = "SYNCQUEUE"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImmediateSettings:
    """The immediate attempt, made while the request waits."""

    enabled: bool = True
    timeout_seconds: float = 2.0  # total wait for all saves of one request
    max_records: int = 10  # a transaction with more records goes to the queue


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessingSettings:
    """Times of the worker. ATTEMPT_TIMEOUT < SHUTDOWN < LEASE."""

    lease_seconds: float = 60.0
    attempt_timeout_seconds: float = 20.0
    recovery_interval_seconds: float = 15.0
    reconcile_interval_seconds: float = 30.0
    shutdown_seconds: float = 25.0
    failed_retention_days: float = 30.0
    log_retention_days: float = 7.0  # of the log of what went out; 0: none is kept
    log_max_entries: int = 100_000  # the newest ones are kept


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerSettings:
    """The circuit breaker of each endpoint."""

    failures: int = 5  # consecutive endpoint failures that open it
    open_seconds: float = 30.0  # time until one probe is let through


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettings:
    """Alert mails about failures."""

    enabled: bool = False
    every_minutes: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """One entry of HANDLERS."""

    name: str
    handler_class: str | None = None  # import path; None for a built-in service
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    concurrency: int = 20
    batch_size: int | None = None  # None: the default of the handler
    force_ipv4: bool = False
    hold_unknown: bool = False  # ON_UNKNOWN_OUTCOME == "hold"
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)  # may hold a credential


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The whole SYNCQUEUE setting."""

    enabled: bool
    redis: str | Mapping[str, Any] = field(repr=False)  # an alias of CACHES, a URL, or a dict for Sentinel or Cluster
    key_prefix: str
    environment: str
    sources_module: str
    api_tokens: tuple[str, ...] = field(repr=False)
    allowed_private_hosts: tuple[str, ...]
    encryption_keys: tuple[str, ...] = field(repr=False)
    max_destinations_per_owner: int
    destinations: Mapping[str, Mapping[str, Any]] = field(repr=False)
    immediate: ImmediateSettings
    processing: ProcessingSettings
    breaker: BreakerSettings
    alerts: AlertSettings
    services: Mapping[str, ServiceSettings]

    def service(self, name: str) -> ServiceSettings:
        """Return the settings of one service; raises `ConfigurationError`, which lists the enabled services."""
        try:
            return self.services[name]
        except KeyError:
            known = ", ".join(self.services) or "none"
            raise ConfigurationError(
                f"The service {name!r} is not enabled: add it to SYNCQUEUE['HANDLERS'] (enabled: {known})."
            ) from None


@dataclass(frozen=True, slots=True)
class _Rule:
    """The rule of one key: its default, a check, a description of valid values, and the values if they are few."""

    default: Any
    accepts: Callable[[Any], bool]
    expected: str
    choices: tuple[str, ...] = ()


def _one_of(default: str, *choices: str) -> _Rule:
    """Return a rule that accepts one of a few strings."""
    *most, last = map(repr, choices)
    expected = f"{', '.join(most)} or {last}"
    return _Rule(default, lambda v: isinstance(v, str) and v in choices, expected, choices)


def _number(minimum: float) -> Callable[[Any], bool]:
    return lambda v: isinstance(v, int | float) and not isinstance(v, bool) and minimum <= v < float("inf")


def _whole(minimum: int) -> Callable[[Any], bool]:
    return lambda v: isinstance(v, int) and not isinstance(v, bool) and v >= minimum


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) and item for item in value)


def _is_dict(value: Any) -> bool:
    return isinstance(value, Mapping)


_BOOL, _TEXTS, _DICT = "True or False", "a list of strings", "a dict"
_POSITIVE = "a number above 0"

IMMEDIATE_RULES = {
    "ENABLED": _Rule(True, _is_bool, _BOOL),
    "TIMEOUT_SECONDS": _Rule(2.0, _number(0), "a number of seconds, 0 or more"),
    "MAX_RECORDS": _Rule(10, _whole(0), "a whole number, 0 or more"),
}
PROCESSING_RULES = {
    "LEASE_SECONDS": _Rule(60, _number(0.1), _POSITIVE),
    "ATTEMPT_TIMEOUT_SECONDS": _Rule(20, _number(0.1), _POSITIVE),
    "RECOVERY_INTERVAL_SECONDS": _Rule(15, _number(0.1), _POSITIVE),
    "RECONCILE_INTERVAL_SECONDS": _Rule(30, _number(0.1), _POSITIVE),
    "SHUTDOWN_SECONDS": _Rule(25, _number(0.1), _POSITIVE),
    "FAILED_RETENTION_DAYS": _Rule(30, _number(0.01), _POSITIVE),
    "LOG_RETENTION_DAYS": _Rule(7, _number(0), "a number of days; 0 keeps no log"),
    "LOG_MAX_ENTRIES": _Rule(100_000, _whole(1), "a whole number, 1 or more"),
}
BREAKER_RULES = {
    "FAILURES": _Rule(5, _whole(1), "a whole number, 1 or more"),
    "OPEN_SECONDS": _Rule(30, _number(0.1), _POSITIVE),
}
ALERT_RULES = {
    "ENABLED": _Rule(False, _is_bool, _BOOL),
    "EVERY_MINUTES": _Rule(60, _number(0.1), _POSITIVE),
}
HANDLER_RULES = {
    "CLASS": _Rule(None, lambda v: v is None or _is_text(v), "the import path of a SyncHandler"),
    "MAX_RETRIES": _Rule(3, _whole(0), "a whole number, 0 or more"),
    "BASE_DELAY_SECONDS": _Rule(60, _number(0), "a number of seconds, 0 or more"),
    "BACKOFF_MULTIPLIER": _Rule(2.0, _number(1), "a number, 1 or more"),
    "MAX_DELAY_MINUTES": _Rule(60, _number(0), "a number of minutes, 0 or more"),
    "CONCURRENCY": _Rule(20, _whole(1), "a whole number, 1 or more"),
    "BATCH_SIZE": _Rule(None, lambda v: v is None or _whole(1)(v), "a whole number, 1 or more"),
    "FORCE_IPV4": _Rule(False, _is_bool, _BOOL),
    "ON_UNKNOWN_OUTCOME": _one_of("retry", "retry", "hold"),
    "OPTIONS": _Rule({}, _is_dict, _DICT),
}
DESTINATION_RULES = {
    "SERVICE": _Rule("", lambda v: _is_text(v) and v != "", "the name of a service in HANDLERS"),
    "ADDRESS": _Rule("", _is_text, "a string"),
    "SECRET": _Rule({}, lambda v: _is_dict(v) and all(map(_is_text, v.values())), "a dict of strings"),
    "OPTIONS": _Rule({}, _is_dict, _DICT),
    "RULE": _one_of("all", "all", "public", "private", "tag"),
    "RULE_VALUE": _Rule("", _is_text, "a string"),
}
TOP_RULES = {
    "ENABLED": _Rule(True, _is_bool, _BOOL),
    "REDIS": _Rule(
        None,
        lambda v: (_is_text(v) and v != "") or (_is_dict(v) and bool(v)),
        "an alias of CACHES, a redis:// rediss:// or unix:// URL, or a dict for Sentinel or Cluster",
    ),
    "KEY_PREFIX": _Rule("sync", lambda v: _is_text(v) and v != "" and not set(v) & set("{} "), "a string without { }"),
    "ENVIRONMENT": _Rule("", _is_text, "a string"),
    "SOURCES_MODULE": _Rule("sync_sources", lambda v: _is_text(v) and v != "", "a module name"),
    "API_TOKENS": _Rule((), _is_texts, _TEXTS),
    "ALLOWED_PRIVATE_HOSTS": _Rule((), _is_texts, _TEXTS),
    "ENCRYPTION_KEYS": _Rule((), _is_texts, _TEXTS),
    "MAX_DESTINATIONS_PER_OWNER": _Rule(20, _whole(1), "a whole number of at least 1"),
    "DESTINATIONS": _Rule({}, _is_dict, _DICT),
    "IMMEDIATE": _Rule({}, _is_dict, _DICT),
    "PROCESSING": _Rule({}, _is_dict, _DICT),
    "BREAKER": _Rule({}, _is_dict, _DICT),
    "ALERTS": _Rule({}, _is_dict, _DICT),
    "HANDLERS": _Rule({}, _is_dict, _DICT),
}
_PARTS = {
    "IMMEDIATE": IMMEDIATE_RULES,
    "PROCESSING": PROCESSING_RULES,
    "BREAKER": BREAKER_RULES,
    "ALERTS": ALERT_RULES,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem with the settings: its kind (see checks.py) and a sentence that says what to write instead."""

    kind: str  # "missing", "unknown", "type"
    text: str


def _examine(path: str, given: Mapping[Any, Any], rules: Mapping[str, _Rule]) -> Iterator[Problem]:
    for key, value in given.items():
        rule = rules.get(key) if isinstance(key, str) else None
        if rule is None:
            word = str(key).upper()
            near = difflib.get_close_matches(word, rules, 1) or [name for name in rules if name.startswith(word)]
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(rules)}."
            yield Problem("unknown", f"{path}[{key!r}] is unknown; {hint}")
        elif not rule.accepts(value):
            yield Problem("type", f"{path}[{key!r}]: expected {rule.expected}, {_instead(value, rule)}")


def _instead(value: Any, rule: _Rule) -> str:
    """Return what was given, or the closest valid value."""
    near = difflib.get_close_matches(value.lower(), rule.choices, 1) if isinstance(value, str) else []
    if near:
        return f"did you mean {near[0]!r}?"
    # Secrets must not be printed, so the value is shown only if it is a number or a bool.
    return f"got {value!r}." if isinstance(value, int | float | bool) else f"got a {type(value).__name__}."


def problems(given: Any) -> list[Problem]:
    """Return every problem of a value of SYNCQUEUE, without importing or connecting to anything."""
    if not isinstance(given, Mapping):
        text = f"{SETTING} is missing; the minimum is" if given is None else f"{SETTING} must be a dict, such as"
        return [Problem("missing", text + ' {"REDIS": "redis://127.0.0.1:6379/0", "HANDLERS": {"telegram": {}}}.')]
    found = list(_examine(SETTING, given, TOP_RULES))
    if "REDIS" not in given:
        found.append(Problem("missing", f"{SETTING}['REDIS'] is missing: set it to {TOP_RULES['REDIS'].expected}."))
    for part, rules in _PARTS.items():
        if _is_dict(given.get(part)):
            found.extend(_examine(f"{SETTING}[{part!r}]", given[part], rules))
    found.extend(_examine_named(given, "HANDLERS", HANDLER_RULES))
    found.extend(_examine_named(given, "DESTINATIONS", DESTINATION_RULES))
    return found


def _examine_named(given: Mapping[str, Any], part: str, rules: Mapping[str, _Rule]) -> Iterator[Problem]:
    entries = given.get(part, {})
    for name, entry in entries.items() if _is_dict(entries) else ():
        path = f"{SETTING}[{part!r}][{name!r}]"
        if not isinstance(name, str) or not NAME_PATTERN.match(name):
            yield Problem("type", f"{path}: a name has at most 50 lower-case letters, digits, - and _.")
        if not _is_dict(entry):
            yield Problem("type", f"{path}: expected {_DICT}, got a {type(entry).__name__}.")
            continue
        yield from _examine(path, entry, rules)
        if part == "DESTINATIONS" and not _is_on(entry.get("SERVICE"), given.get("HANDLERS")):
            yield Problem("type", f"{path}['SERVICE']: expected a service of HANDLERS.")


def _is_on(service: Any, handlers: Any) -> bool:
    return isinstance(service, str) and _is_dict(handlers) and service in handlers


def _filled(given: Mapping[str, Any], rules: Mapping[str, _Rule]) -> dict[str, Any]:
    return {key.lower(): given.get(key, rule.default) for key, rule in rules.items()}


def _service(name: str, given: Mapping[str, Any]) -> ServiceSettings:
    value = _filled(given, HANDLER_RULES)
    return ServiceSettings(
        name=name,
        handler_class=value["class"],
        retry=RetryPolicy(
            max_retries=value["max_retries"],
            base_delay_seconds=value["base_delay_seconds"],
            backoff_multiplier=value["backoff_multiplier"],
            max_delay_seconds=value["max_delay_minutes"] * 60,
        ),
        concurrency=value["concurrency"],
        batch_size=value["batch_size"],
        force_ipv4=value["force_ipv4"],
        hold_unknown=value["on_unknown_outcome"] == "hold",
        options=value["options"],
    )


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Return the current settings; raises `ConfigurationError`, which lists every problem."""
    given = getattr(django_settings, SETTING, None)
    found = problems(given)
    if found or given is None:
        raise ConfigurationError(" ".join(problem.text for problem in found))
    value = _filled(given, TOP_RULES)
    for name in ("api_tokens", "allowed_private_hosts", "encryption_keys"):
        value[name] = tuple(value[name])
    return Settings(
        **{key: part for key, part in value.items() if key.upper() not in (*_PARTS, "HANDLERS")},
        immediate=ImmediateSettings(**_filled(value["immediate"], IMMEDIATE_RULES)),
        processing=ProcessingSettings(**_filled(value["processing"], PROCESSING_RULES)),
        breaker=BreakerSettings(**_filled(value["breaker"], BREAKER_RULES)),
        alerts=AlertSettings(**_filled(value["alerts"], ALERT_RULES)),
        services={name: _service(name, entry) for name, entry in value["handlers"].items()},
    )


def _forget(*, setting: str, **_: object) -> None:
    if setting == SETTING:
        get_settings.cache_clear()


setting_changed.connect(_forget, dispatch_uid="syncqueue.conf")
