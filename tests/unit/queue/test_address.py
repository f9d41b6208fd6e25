"""SYNCQUEUE["REDIS"] in every form: what it says is taken, or refused in words that show no part of a password."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import pytest
import redis
from django.test import override_settings
from hypothesis import example, given, settings
from hypothesis import strategies as st

from syncqueue.core.errors import ConfigurationError
from syncqueue.queue.connection import address_of, async_client, database_of, sync_client

DJANGO_REDIS = "django_redis.cache.RedisCache"
DJANGO = "django.core.cache.backends.redis.RedisCache"
SECRET = "s3cr3t-Passw0rd"


class OwnConnection(redis.Connection):
    """A site's own, of which nothing is known."""


def kept(where: Any, make: Any = sync_client) -> tuple[type, dict[str, Any]]:
    """The class of a client's connections, and what they are made with; the client is closed again."""
    client = make(where)
    pool = client.connection_pool
    made = pool.connection_class, dict(pool.connection_kwargs)
    if make is async_client:
        asyncio.run(client.aclose())
    else:
        client.close()
    return made


def refusal(where: Any) -> str:
    """The words that an address is refused with."""
    with pytest.raises(ConfigurationError) as caught:
        address_of(where)
    # A traceback must not show it either.
    assert caught.value.__cause__ is None and (caught.value.__suppress_context__ or not caught.value.__context__)
    return str(caught.value)


REFUSALS = {refusal(f"redis://:{piece}@h") for piece in ("a#b", "a b")}


@pytest.mark.parametrize("make", [sync_client, async_client])
def test_a_url_with_tls_keeps_all_of_its_words(make: Any) -> None:
    url = f"rediss://app:{SECRET}@redis.test:6380/3?ssl_cert_reqs=none&ssl_min_version=771&client_name=web&protocol=2"
    kind, found = kept(url, make)
    assert issubclass(kind, redis.SSLConnection | redis.asyncio.SSLConnection)
    expected = {"host": "redis.test", "port": 6380, "db": 3, "username": "app", "password": SECRET}
    expected |= {"ssl_cert_reqs": "none", "ssl_min_version": 771, "client_name": "web", "protocol": 2}
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize("make", [sync_client, async_client])
def test_how_long_a_save_waits_and_that_nothing_is_sent_twice_is_not_the_address_s_to_say(make: Any) -> None:
    url = "redis://redis.test?socket_timeout=60&retry_on_timeout=true&max_connections=1&decode_responses=false"
    _, found = kept(url, make)
    assert found["socket_timeout"] in (0.5, 15.0)
    assert found["retry"]._retries == 0
    assert found["decode_responses"] is True


@pytest.mark.parametrize(
    "url",
    [
        "redis://:pa#ss@redis.test:6379/0",
        "redis://:pa/ss@redis.test:6379/0",
        "redis://:pa?ss@redis.test:6379/0",
        "redis://user:12/0?db=1@redis.test/0",
        "redis://user:1/0?client_name=z@redis.test:6379/0",
        "redis://:a@b/0?client_name=x@redis.test/0",
        "redis://:pa ss@redis.test",
        "redis://:pa\tss@redis.test",
        "redis://:pa[ss@redis.test",
        "redis://:pass@redis.test:pass/0",
        "redis://:pass@redis.test:0/0",
        "redis://:pass@redis.test:/0",
        "redis://:pass@redis.test:6379/pass",
        "unix:///run/redis.sock?password=pa#ss",
        "unix:///run/redis.sock?password=pa&ss",
    ],
)
def test_what_urllib_would_take_for_another_part_is_refused_with_the_way_to_write_it(url: str) -> None:
    # One of a few fixed sentences, whatever the password is.
    assert refusal(url) in REFUSALS


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("ssl_cert_reqs=maybe", "ssl_cert_reqs is none, optional or required"),
        ("ssl_check_hostname=perhaps", "ssl_check_hostname is true or false"),
        ("ssl_ca_certs=/no/such/file.pem", "ssl_ca_certs is a file that can be read"),
        ("ssl_min_version=12", "ssl_min_version is a number of ssl.TLSVersion"),
        ("ssl_cert_req=none", "did you mean 'ssl_cert_reqs'?"),
        ("protocol=4", "protocol is 2 or 3"),
        ("db=first", "db is the number of a database"),
    ],
)
def test_bad_words_behind_the_question_mark_are_named_with_what_is_expected(query: str, words: str) -> None:
    text = refusal(f"rediss://:{SECRET}@redis.test/0?{query}")
    assert words in text
    assert SECRET not in text


@pytest.mark.parametrize(
    "where", ["http://x:y@redis.test", "REDIS://:pw@h", "redis:pw@redis.test", "redis//:pw@h", ":pw@h"]
)
def test_a_url_that_is_none_is_not_shown(where: str) -> None:
    assert "pw" not in refusal(where)


PASSWORDS = st.text(st.characters(blacklist_categories=("Cs",)), min_size=1, max_size=12)


@settings(max_examples=400, deadline=None)
@given(password=PASSWORDS, user=st.sampled_from(["", "app"]), scheme=st.sampled_from(["redis", "rediss"]))
@example(password="a#b", user="", scheme="redis")
@example(password="1/0?db=1", user="app", scheme="redis")
@example(password="[::1", user="", scheme="rediss")
@example(password="℀", user="", scheme="redis")
def test_any_password_is_read_as_it_stands_or_refused_without_a_part_of_it(
    password: str, user: str, scheme: str
) -> None:
    url = f"{scheme}://{user}:{password}@redis.test:6379/0"
    try:
        address = address_of(url)
    except ConfigurationError as error:
        # The refusal is one of a few fixed sentences: the same for another password.
        assert str(error) in REFUSALS, str(error)
    else:
        assert (address.options["host"], address.options["port"]) == ("redis.test", 6379)
        if "%" not in password:
            assert address.options.get("password", "") == password


@settings(max_examples=200, deadline=None)
@given(PASSWORDS)
def test_any_password_can_be_written_so_that_it_is_read(password: str) -> None:
    address = address_of(f"redis://:{quote(password, safe='')}@redis.test/0")
    assert address.options["password"] == password


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("redis://:@?#[]%&=;,0 ab~\x00\n"), max_size=40))
def test_whatever_is_given_is_read_or_refused_in_words(rest: str) -> None:
    for where in (f"redis://{rest}", f"unix://{rest}", rest):
        database_of(where)
        try:
            address_of(where)
        except ConfigurationError as error:
            assert str(error).startswith("SYNCQUEUE['REDIS']")


class TestAlias:
    """A cache's own connections."""

    @staticmethod
    def cache(backend: str, location: Any, **options: Any) -> Any:
        entry = {"BACKEND": backend, "LOCATION": location, "OPTIONS": options}
        return override_settings(CACHES={"default": {"BACKEND": DJANGO_REDIS, "LOCATION": "redis://x"}, "queue": entry})

    @pytest.mark.parametrize("make", [sync_client, async_client])
    @pytest.mark.parametrize("backend", [DJANGO_REDIS, DJANGO])
    def test_rediss_is_tls(self, backend: str, make: Any) -> None:
        with self.cache(backend, f"rediss://app:{SECRET}@redis.test:6380/2"):
            kind, found = kept("queue", make)
        assert issubclass(kind, redis.SSLConnection | redis.asyncio.SSLConnection)
        expected = {"host": "redis.test", "port": 6380, "db": 2, "username": "app", "password": SECRET}
        assert {name: found.get(name) for name in expected} == expected

    @pytest.mark.parametrize("make", [sync_client, async_client])
    def test_of_django_redis_the_options_count_too(self, make: Any) -> None:
        pool = {"ssl_cert_reqs": "none", "max_connections": 3}
        with self.cache(
            DJANGO_REDIS, "rediss://redis.test", PASSWORD=SECRET, SOCKET_TIMEOUT=60, CONNECTION_POOL_KWARGS=pool
        ):
            _, found = kept("queue", make)
        assert (found["password"], found["ssl_cert_reqs"]) == (SECRET, "none")
        assert found["socket_timeout"] in (0.5, 15.0)

    @pytest.mark.parametrize("make", [sync_client, async_client])
    def test_of_django_s_own_backend_the_options_count_too(self, make: Any) -> None:
        with self.cache(DJANGO, ["redis://redis.test", "redis://replica.test"], db=4, password=SECRET, username="app"):
            _, found = kept("queue", make)
        assert (found["host"], found["db"], found["username"], found["password"]) == ("redis.test", 4, "app", SECRET)

    def test_two_aliases_with_one_url_keep_their_passwords_apart(self) -> None:
        url = "redis://shared.test/0"
        caches = {
            name: {"BACKEND": DJANGO_REDIS, "LOCATION": url, "OPTIONS": {"PASSWORD": name}}
            for name in ("default", "queue")
        }
        with override_settings(CACHES=caches):
            assert kept("default")[1]["password"] == "default"
            assert kept("queue")[1]["password"] == "queue"

    @pytest.mark.parametrize("make", [sync_client, async_client])
    def test_a_sentinel_alias_asks_the_sentinels(self, make: Any) -> None:
        options = {
            "CLIENT_CLASS": "django_redis.client.SentinelClient",
            "CONNECTION_FACTORY": "django_redis.pool.SentinelConnectionFactory",
            "SENTINELS": [("s1.test", 26379), ("s2.test", 26379)],
            "SENTINEL_KWARGS": {"password": "of-sentinels"},
            "PASSWORD": SECRET,
        }
        with self.cache(DJANGO_REDIS, "rediss://mymaster/5", **options):
            address = address_of("queue")
            client = make("queue")
        assert address.is_sentinel and address.master == "mymaster"
        assert address.nodes == (("s1.test", 26379), ("s2.test", 26379))
        assert address.is_tls and (address.options["db"], address.options["password"]) == (5, SECRET)
        pool = client.connection_pool
        assert pool.service_name == "mymaster" and "SSL" in pool.connection_class.__name__
        told = pool.sentinel_manager.sentinels[0].connection_pool.connection_kwargs
        assert (told["host"], told["password"]) == ("s1.test", "of-sentinels")
        assert told["socket_timeout"] in (0.5, 15.0)  # a sentinel that hangs must not hold a save up
        asyncio.run(client.aclose()) if make is async_client else client.close()

    @pytest.mark.parametrize(
        ("backend", "options"),
        [
            ("django.core.cache.backends.locmem.LocMemCache", {}),
            (DJANGO_REDIS, {"CLIENT_CLASS": "django_redis.client.ShardClient"}),
            (DJANGO_REDIS, {"REDIS_CLIENT_CLASS": "redis.RedisCluster"}),
            (DJANGO_REDIS, {"CONNECTION_POOL_KWARGS": {"connection_class": OwnConnection}}),
            (DJANGO_REDIS, {"CLIENT_CLASS": "no.such.Client"}),
        ],
    )
    def test_what_cannot_be_taken_is_refused_in_words(self, backend: str, options: dict[str, Any]) -> None:
        with self.cache(backend, f"redis://:{SECRET}@redis.test", **options):
            text = refusal("queue")
        assert "CACHES['queue']" in text and "URL" in text or "NODES" in text
        assert SECRET not in text

    @pytest.mark.parametrize("backend", [DJANGO_REDIS, DJANGO])
    def test_a_malformed_location_is_refused_without_showing_it(self, backend: str) -> None:
        with self.cache(backend, f"redis://:{SECRET}/x@redis.test"):
            text = refusal("queue")
        assert "CACHES['queue']['LOCATION']" in text
        assert SECRET not in text


class TestDict:
    """Sentinel and Cluster."""

    def test_options_are_the_master_s_and_sentinel_options_the_sentinels(self) -> None:
        where = {
            "SENTINELS": [["s1.test", 26379]],
            "MASTER": "main",
            "OPTIONS": {"password": SECRET, "db": 3, "ssl": True, "ssl_cert_reqs": "none"},
            "SENTINEL_OPTIONS": {"password": "theirs"},
        }
        client = sync_client(where)
        pool = client.connection_pool
        assert (pool.connection_kwargs["password"], pool.connection_kwargs["db"]) == (SECRET, 3)
        assert "SSL" in pool.connection_class.__name__
        assert pool.sentinel_manager.sentinels[0].connection_pool.connection_kwargs["password"] == "theirs"
        client.close()

    @pytest.mark.parametrize(
        ("where", "words"),
        [
            ({"SENTINELS": [("h", 1)], "MASTER": "m", "OPTION": {}}, "known: SENTINELS, MASTER"),
            ({"SENTINELS": "s1", "MASTER": "m"}, "list of (host, port)"),
            ({"NODES": []}, "it is empty"),
            ({"NODES": [("h", 1)], "OPTIONS": {"pasword": SECRET}}, "did you mean 'password'?"),
            ({"NODES": [("h", 1)], "OPTIONS": {"db": 3}}, "takes no db"),
            ({"NODES": [("h", 1)], "OPTIONS": {"ssl_check_hostname": SECRET}}, "true or false"),
        ],
    )
    def test_what_is_wrong_is_named(self, where: Any, words: str) -> None:
        text = refusal(where)
        assert words in text
        assert SECRET not in text
