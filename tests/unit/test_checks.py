"""The system checks: each problem has its id and a message that says what to write."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import redis
from django.core.checks import CheckMessage, run_checks
from django.db import connections

from project.notes.sync_sources import NoteSync
from syncqueue import checks
from tests.redis_server import RedisServer

SHORTEST = {"REDIS": "redis://127.0.0.1:6379/0", "HANDLERS": {"telegram": {}}}
TOKEN = "123456:a-token-that-must-not-be-shown-anywhere"


class NotAHandler:
    """A class that is no handler."""


def messages(settings: Any, **given: Any) -> list[CheckMessage]:
    """Return the messages of the settings check for the minimal setting with `given`."""
    settings.SYNCQUEUE = {**SHORTEST, **given}
    return checks.check_settings()


def ids(found: list[CheckMessage]) -> list[str | None]:
    """Return the ids of messages."""
    return [message.id for message in found]


def test_the_shortest_valid_setting_passes(settings: Any) -> None:
    assert messages(settings) == []


def test_django_runs_the_checks(settings: Any) -> None:
    settings.SYNCQUEUE = {**SHORTEST, "NOPE": 1}
    assert "syncqueue.E002" in ids(run_checks(tags=["syncqueue"]))


def test_a_missing_setting_is_e001(settings: Any) -> None:
    del settings.SYNCQUEUE
    assert ids(checks.check_settings()) == ["syncqueue.E001"]


def test_an_unknown_key_is_e002_and_names_the_nearest(settings: Any) -> None:
    (message,) = messages(settings, KEY_PREFX="x")
    assert message.id == "syncqueue.E002"
    assert "did you mean 'KEY_PREFIX'?" in message.msg


def test_a_wrong_type_is_e003(settings: Any) -> None:
    assert ids(messages(settings, ENABLED="yes")) == ["syncqueue.E003"]


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"CLASS": "no.such.module.Handler"}, "cannot import no.such.module.Handler"),
        ({"CLASS": "tests.unit.test_checks.NoSuchClass"}, "cannot import"),
        ({"CLASS": "tests.unit.test_checks.NotAHandler"}, "is not a subclass of syncqueue.SyncHandler"),
        ({}, "needs a CLASS"),
    ],
)
def test_a_handler_that_cannot_be_used_is_e004(settings: Any, entry: dict[str, Any], says: str) -> None:
    (message,) = messages(settings, HANDLERS={"mine": entry})
    assert message.id == "syncqueue.E004"
    assert says in message.msg
    assert "'mine'" in message.msg


def test_what_autodiscovery_could_not_do_is_e004(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "startup_problem", "notes.Note is registered already")
    assert ids(messages(settings)) == ["syncqueue.E004"]


@pytest.mark.parametrize(
    "address", ["mastodon.social", "@me@mastodon.social", "http://mastodon.social", "Mastodon.social"]
)
def test_a_declared_destination_that_cannot_work_is_e010_and_says_what_to_write(settings: Any, address: str) -> None:
    declared = {"news": {"SERVICE": "mastodon", "ADDRESS": address, "SECRET": {"access_token": "x" * 43}}}
    (message,) = messages(settings, HANDLERS={"mastodon": {}}, DESTINATIONS=declared)
    assert message.id == "syncqueue.E010"
    assert "['news']" in message.msg
    assert "https://mastodon.social" in message.msg
    assert "x" * 43 not in message.msg


def test_a_declared_destination_without_its_secret_is_a_warning(settings: Any) -> None:
    declared = {"news": {"SERVICE": "telegram", "ADDRESS": "@news", "SECRET": {"token": ""}}}
    assert ids(messages(settings, DESTINATIONS=declared)) == ["syncqueue.W010"]


def test_a_slash_at_the_end_of_an_instance_is_no_problem(settings: Any) -> None:
    news = {"SERVICE": "mastodon", "ADDRESS": "https://a.example/", "SECRET": {"access_token": "x" * 43}}
    declared = {"news": news}
    assert messages(settings, HANDLERS={"mastodon": {}}, DESTINATIONS=declared) == []


class TestSharedRedis:
    """A cache's clear() is a FLUSHDB."""

    @pytest.fixture
    def caches(self, settings: Any) -> Any:
        settings.CACHES = {
            "default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://127.0.0.1:6379/0"},
            "queue": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://127.0.0.1:6379/1"},
        }
        return settings

    def test_with_a_cache_by_its_url_is_e005(self, caches: Any) -> None:
        (message,) = messages(caches, REDIS="redis://127.0.0.1:6379/0")
        assert message.id == "syncqueue.E005"
        assert "'default'" in message.msg

    def test_with_another_alias_of_the_same_place_is_e005(self, caches: Any) -> None:
        caches.CACHES = {**caches.CACHES, "queue": dict(caches.CACHES["default"])}
        (message,) = messages(caches, REDIS="queue")
        assert message.id == "syncqueue.E005"
        assert "'default'" in message.msg

    def test_a_place_in_a_list_of_servers_counts(self, caches: Any) -> None:
        caches.CACHES = {
            "default": {
                "BACKEND": "django.core.cache.backends.redis.RedisCache",
                "LOCATION": ["redis://127.0.0.1:6379/5", "redis://127.0.0.1:6379/0"],
            },
        }
        assert ids(messages(caches, REDIS="redis://127.0.0.1:6379/0")) == ["syncqueue.E005"]

    @pytest.mark.parametrize(
        "other",
        ["redis://127.0.0.1:6379", "redis://127.0.0.1/0", "redis://localhost:6379/0", "redis://127.0.0.1:6379?db=0"],
    )
    def test_another_way_to_write_the_same_place_counts(self, caches: Any, other: str) -> None:
        assert ids(messages(caches, REDIS=other)) == ["syncqueue.E005"]

    def test_an_alias_of_its_own_and_another_database_pass(self, caches: Any) -> None:
        assert messages(caches, REDIS="queue") == []
        assert messages(caches, REDIS="redis://127.0.0.1:6379/2") == []

    def test_a_password_in_the_url_is_not_shown(self, caches: Any) -> None:
        where = f"redis://:{TOKEN}@127.0.0.1:6379/0"
        caches.CACHES = {"default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": where}}
        (message,) = messages(caches, REDIS=where)
        assert TOKEN not in f"{message.msg} {message.hint}"


@pytest.mark.parametrize(
    "times",
    [
        {"ATTEMPT_TIMEOUT_SECONDS": 25},
        {"SHUTDOWN_SECONDS": 60},
        {"LEASE_SECONDS": 20},
        {"ATTEMPT_TIMEOUT_SECONDS": 30, "SHUTDOWN_SECONDS": 20},
    ],
)
def test_times_that_do_not_fit_are_e006_with_the_figures(settings: Any, times: dict[str, int]) -> None:
    (message,) = messages(settings, PROCESSING=times)
    assert message.id == "syncqueue.E006"
    for name, figure in times.items():
        assert f"{name} ({figure})" in message.msg


def test_a_source_without_changed_field_is_w001(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.check_sources() == []
    monkeypatch.setattr(NoteSync, "changed_field", None)
    (message,) = checks.check_sources()
    assert message.id == "syncqueue.W001"
    assert "NoteSync has no changed_field" in message.msg


def test_a_source_that_keeps_objects_at_an_unknown_service_is_w008(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NoteSync, "keeps", ("manticor", "telegram", "mastodon"))
    (message,) = checks.check_sources()
    assert message.id == "syncqueue.W008"
    assert "NoteSync.keeps names 'manticor'" in message.msg
    assert message.hint == "Did you mean 'manticore'?"


def test_a_redis_that_does_not_answer_is_w003_at_deployment(settings: Any) -> None:
    settings.SYNCQUEUE = {**SHORTEST, "REDIS": "redis://127.0.0.1:1/0"}
    assert ids(checks.check_redis()) == ["syncqueue.W003"]


def test_a_redis_that_evicts_is_w003_with_its_policy(settings: Any, own_redis_server: Any) -> None:
    settings.SYNCQUEUE = {**SHORTEST, "REDIS": own_redis_server.url}
    assert checks.check_redis() == []
    with redis.Redis.from_url(own_redis_server.url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
    (message,) = checks.check_redis()
    assert message.id == "syncqueue.W003"
    assert "allkeys-lru" in message.msg


@pytest.mark.parametrize(
    ("options", "rights", "expected"),
    [
        (("--rename-command", "CONFIG", ""), "", []),
        ((), "+@all -config", []),
        ((), "resetkeys ~sync:* +@all -config -info", ["syncqueue.I001"]),
        ((), "resetkeys ~sync:* -@all +ping +hello", ["syncqueue.I001"]),
    ],
)
def test_a_redis_that_allows_no_config_is_no_traceback_at_deployment(
    settings: Any, tmp_path: Path, options: tuple[str, ...], rights: str, expected: list[str]
) -> None:
    server = RedisServer(tmp_path, durable=False, options=options)
    server.start()
    try:
        settings.SYNCQUEUE = {**SHORTEST, "REDIS": server.url}
        with redis.Redis.from_url(server.url) as client:
            client.execute_command("ACL", "SETUSER", "default", *rights.split())
        assert ids(checks.check_redis()) == expected
    finally:
        server.kill()


@pytest.mark.parametrize("key", ["_kombu.binding.celery", "celery", "_kombu.binding.my-own-queue"])
def test_a_celery_broker_in_the_same_database_is_w006_with_its_key(settings: Any, redis_url: str, key: str) -> None:
    settings.SYNCQUEUE = {**SHORTEST, "REDIS": redis_url}
    with redis.Redis.from_url(redis_url) as client:
        for number in range(3000):
            client.set(f"sync:{number}", "")
        client.sadd(key, "a binding")
    (message,) = checks.check_redis()
    assert message.id == "syncqueue.W006"
    assert repr(key) in message.msg


def test_an_address_that_cannot_be_read_is_e009_and_no_traceback_at_deployment(settings: Any) -> None:
    (message,) = messages(settings, REDIS=f"redis://:{TOKEN}#x@127.0.0.1/0")
    assert message.id == "syncqueue.E009"
    assert TOKEN not in message.msg
    assert checks.check_redis() == []


def test_attempts_too_short_for_telegrams_silent_waits_are_w004(settings: Any) -> None:
    assert messages(settings, PROCESSING={"ATTEMPT_TIMEOUT_SECONDS": 20.0}) == []
    (message,) = messages(settings, PROCESSING={"ATTEMPT_TIMEOUT_SECONDS": 19.0})
    assert message.id == "syncqueue.W004"
    assert "telegram" in message.msg
    assert "20" in str(message.hint)


def test_other_services_may_be_given_less_time(settings: Any) -> None:
    given = {"HANDLERS": {"webhook": {}}, "PROCESSING": {"ATTEMPT_TIMEOUT_SECONDS": 5.0}}
    assert messages(settings, **given) == []


def test_no_check_prints_a_secret(settings: Any) -> None:
    found = messages(
        settings,
        API_TOKENS=TOKEN,
        DESTINATIONS={"news": {"SERVICE": "telegram", "SECRET": TOKEN}},
        ENCRYPTION_KEYS=TOKEN,
    )
    assert len(found) == 3
    assert TOKEN not in " ".join(f"{message.msg} {message.hint}" for message in found)


@pytest.mark.parametrize(
    ("pool", "size"), [(True, 4), ({"min_size": 2}, 2), ({"max_size": 3}, 3), ({"max_size": 12}, 0)]
)
def test_a_pool_smaller_than_threads_and_requests_need_is_w005(
    monkeypatch: pytest.MonkeyPatch, pool: Any, size: int
) -> None:
    assert checks.check_pools() == []
    monkeypatch.setitem(connections.settings["default"], "OPTIONS", {"pool": pool})
    found = checks.check_pools()
    assert ids(found) == (["syncqueue.W005"] if size else [])
    assert not found or f"a pool of {size} connections" in found[0].msg and "max_size" in str(found[0].hint)


def test_a_source_whose_table_is_in_another_database_is_w001(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "record_db", lambda: "another")
    (message,) = checks.check_sources()
    assert message.id == "syncqueue.W001"
    assert "notes.note and the tables of syncqueue are in different databases" in message.msg


def test_threads_of_gevent_are_w002(monkeypatch: pytest.MonkeyPatch) -> None:
    monkey = ModuleType("gevent.monkey")
    monkey.is_module_patched = lambda name: name == "threading"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gevent.monkey", monkey)
    (message,) = checks.check_sources()
    assert message.id == "syncqueue.W002"
