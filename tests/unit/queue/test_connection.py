"""Clients from settings, and what Redis's errors become."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import redis
import redis.asyncio
from django.test import override_settings

from syncqueue.core.errors import ConfigurationError, ForeignQueue, QueueError, QueueFull, QueueUnavailable
from syncqueue.queue.connection import WEB_TIMEOUT_SECONDS, async_client, redis_errors, sync_client

FULL = "OOM command not allowed when used memory > 'maxmemory'."

BEFORE_REDIS_7 = "Error running script (call to f_87fe): @user_script:27: @user_script: 27: -"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (redis.ConnectionError("refused"), QueueUnavailable),
        (redis.TimeoutError("timed out"), QueueUnavailable),
        (redis.exceptions.BusyLoadingError("loading"), QueueUnavailable),
        (redis.AuthenticationError("WRONGPASS"), QueueUnavailable),
        (redis.ReadOnlyError("read only"), QueueUnavailable),
        (redis.exceptions.MasterDownError("down"), QueueUnavailable),
        (redis.exceptions.ClusterDownError("down"), QueueUnavailable),
        (redis.exceptions.TryAgainError("again"), QueueUnavailable),
        (ConnectionResetError("reset"), QueueUnavailable),
        (TimeoutError("timed out"), QueueUnavailable),
        (redis.ResponseError("BUSY Redis is busy running a script."), QueueUnavailable),
        (redis.ResponseError("MISCONF Redis is configured to save RDB snapshots"), QueueUnavailable),
        (redis.OutOfMemoryError(FULL), QueueFull),
        (redis.ResponseError(BEFORE_REDIS_7 + FULL), QueueFull),
        (
            redis.ResponseError(BEFORE_REDIS_7 + "READONLY You can't write against a read only replica."),
            QueueUnavailable,
        ),
        (redis.ResponseError(BEFORE_REDIS_7 + "MISCONF Redis is configured to save RDB snapshots"), QueueUnavailable),
        (redis.ResponseError(BEFORE_REDIS_7 + "WRONGTYPE Operation against a key"), QueueError),
        (redis.ResponseError("WRONGTYPE Operation against a key"), QueueError),
    ],
)
def test_no_error_of_redis_leaves_the_package_as_it_was(error, expected):
    with pytest.raises(QueueError) as caught, redis_errors("telegram"):
        raise error
    assert type(caught.value) is expected
    assert caught.value.__cause__ is error
    assert "'telegram'" in str(caught.value)


def test_a_foreign_stamp_is_read_out_of_the_servers_words():
    words = "FOREIGNQUEUE site-1 script: 0a1b, on @user_script:217."
    with pytest.raises(ForeignQueue, match=r"^site-1$"), redis_errors("telegram"):
        raise redis.ResponseError(words)


def test_an_error_that_is_not_of_redis_passes():
    with pytest.raises(KeyError), redis_errors("telegram"):
        raise KeyError("ours")


def options(client: Any) -> dict[str, Any]:
    return dict(client.connection_pool.connection_kwargs)


@pytest.mark.parametrize("make", [sync_client, async_client])
def test_a_url_gives_a_client_that_never_sends_twice(make):
    client = make("redis://:secret@127.0.0.1:7000/3")
    found = options(client)
    assert (found["host"], found["port"], found["db"], found["password"]) == ("127.0.0.1", 7000, 3, "secret")
    assert found["decode_responses"] is True
    assert found["retry"]._retries == 0
    close(client)


def test_a_save_waits_for_redis_well_under_a_second():
    client = sync_client("redis://127.0.0.1:7000/0")
    assert options(client)["socket_timeout"] == options(client)["socket_connect_timeout"] == WEB_TIMEOUT_SECONDS < 1
    close(client)


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("redis://:secret@127.0.0.1:7000/3", {"host": "127.0.0.1", "port": 7000, "db": 3, "password": "secret"}),
        ("unix:///run/redis.sock?db=2", {"path": "/run/redis.sock", "db": 2}),
    ],
)
@pytest.mark.parametrize("make", [sync_client, async_client])
def test_an_alias_of_django_redis_lends_its_server_and_nothing_else(make, location, expected):
    cache = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": location, "TIMEOUT": 5}
    with override_settings(CACHES={"default": cache, "queue": cache}):
        client = make("queue")
    found = options(client)
    assert {name: found[name] for name in expected} == expected
    assert (found["retry"]._retries, found["decode_responses"]) == (0, True)
    close(client)


def test_an_alias_with_tls_keeps_it():
    cache = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "rediss://127.0.0.1:7000/0?ssl_cert_reqs=none"}
    with override_settings(CACHES={"default": cache, "queue": cache}):
        client = sync_client("queue")
    assert issubclass(client.connection_pool.connection_class, redis.SSLConnection)
    close(client)


@pytest.mark.parametrize("make", [sync_client, async_client])
def test_an_unknown_alias_is_refused_naming_the_known_ones(make):
    with pytest.raises(ConfigurationError, match=r"'quue'.*redis://.*CACHES \(there: default"):
        make("quue")


@pytest.mark.parametrize("make", [sync_client, async_client])
def test_a_dict_that_is_no_sentinel_is_refused_naming_its_keys(make):
    with pytest.raises(ConfigurationError, match="SENTINELS.*MASTER"):
        make({"HOSTS": []})


@pytest.mark.parametrize("make", [sync_client, async_client])
def test_a_sentinel_gives_a_client_for_its_master(make):
    client = make({"SENTINELS": [("127.0.0.1", 26379)], "MASTER": "main"})
    assert client.connection_pool.service_name == "main"
    close(client)


def close(client: Any) -> None:
    if isinstance(client, redis.asyncio.Redis):
        asyncio.run(client.aclose())
    else:
        client.close()
