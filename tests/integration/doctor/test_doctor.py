"""The problems that the doctor finds, its messages, and the settings that it names."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
import redis

from project.sandbox.testing import RunningSandbox
from syncqueue import site
from syncqueue.dispatch import site_queues as queues
from syncqueue.models import Destination, SiteStamp
from tests.integration.api.seeds import fill, keep_alive
from tests.integration.commands.calling import Said, call
from tests.integration.sync.scene import configure, make_destination
from tests.loopback import Resolver, black_hole, closed_port

pytestmark = pytest.mark.django_db(transaction=True)

FORCE = "SYNCQUEUE['HANDLERS']['telegram']['FORCE_IPV4']"


def examined() -> Said:
    """Return the output of the doctor while a worker is alive."""
    keep_alive()
    return call("doctor")


def about(said: Said, words: str) -> str:
    """Return the lines of one finding: the problem and its fix."""
    lines = said.out.splitlines()
    (at,) = [number for number, line in enumerate(lines) if words in line]
    advice = lines[at + 1].strip() if lines[at + 1].startswith("      ->") else ""
    return f"{lines[at]} {advice}".strip()


def name_the_sandbox(sandbox: RunningSandbox, resolver: Resolver, *addresses: str) -> int:
    """Let the Bot API be "api.test", which resolves to these addresses; returns the port."""
    port = urlsplit(sandbox.telegram_url).port or 0
    base = sandbox.telegram_url.replace("127.0.0.1", "api.test")
    configure("telegram", OPTIONS={"API_BASE_URL": base})
    resolver.names["api.test"] = list(addresses)
    return port


def test_where_all_is_well_it_says_so_and_ends_with_0(channel: Destination) -> None:
    said = examined()
    assert said.code == 0, said.out
    assert "No problems found." in said.out
    for words in ("[ok]    redis:", "[ok]    database:", "[ok]    workers:", "[ok]    telegram: @news:"):
        assert words in said.out


def test_for_scripts_each_finding_has_level_area_and_advice() -> None:
    data = call("doctor", "--json").data
    assert data["ok"] is False
    wrong = [finding for finding in data["findings"] if finding["level"] == "wrong"]
    assert [(finding["area"], finding["advice"]) for finding in wrong] == [
        ("workers", "Start one: manage.py runsyncworker")
    ]


def test_ipv6_that_hangs_is_wrong_and_the_setting_that_mends_it_is_named(
    channel: Destination, sandbox: RunningSandbox, resolver: Resolver
) -> None:
    with black_hole(urlsplit(sandbox.telegram_url).port or 0) as (address, _port):
        name_the_sandbox(sandbox, resolver, address, "127.0.0.1")
        said = examined()
    if ":" not in address:  # a machine without IPv6: there the story is told by the pure tests of test_ways.py
        assert "no answer within 3 s" in said.out
        return
    found = about(said, "no answer within 3 s")
    assert found.startswith("[WRONG] telegram: api.test:")
    assert f"IPv6 {address}: no answer within 3 s; IPv4 127.0.0.1: responds in" in found
    assert f"IPv6 does not work on this machine: set {FORCE} = True." in found
    assert said.code == 1
    assert "[ok]    telegram: @news:" in said.out  # over IPv4 it can be posted to all the same


def test_with_the_setting_on_the_same_host_is_well(
    channel: Destination, sandbox: RunningSandbox, resolver: Resolver
) -> None:
    with black_hole(urlsplit(sandbox.telegram_url).port or 0) as (address, _port):
        name_the_sandbox(sandbox, resolver, address, "127.0.0.1")
        configure("telegram", FORCE_IPV4=True)
        said = examined()
    assert said.code == 0, said.out


def test_a_name_that_nobody_knows_leads_to_the_address_and_the_dns(channel: Destination, resolver: Resolver) -> None:
    configure("telegram", OPTIONS={"API_BASE_URL": "http://nowhere.test:8081"})
    found = about(examined(), "nowhere.test:8081 cannot be resolved")
    assert found.startswith("[WRONG] telegram:")
    assert "DNS" in found


def test_a_host_that_answers_nowhere_is_wrong_and_its_destinations_are_not_tried(channel: Destination) -> None:
    configure("telegram", OPTIONS={"API_BASE_URL": f"http://127.0.0.1:{closed_port()}"})
    said = examined()
    assert "firewall" in about(said, "connection refused")
    assert "Not tested, because their host cannot be reached: @news." in said.out


def test_a_refused_credential_is_wrong(channel: Destination, sandbox: RunningSandbox) -> None:
    sandbox.set_mode("telegram", "unauthorized")
    said = examined()
    assert "Enter the credential and the address again in the admin." in about(said, "telegram: @news")
    assert sandbox.bot_token not in said.out + said.err


def test_a_destination_that_works_again_is_to_be_mended(channel: Destination) -> None:
    Destination.objects.update(broken_reason="Was kicked.")
    assert "Try again" in about(examined(), "Was kicked.")


def test_a_secret_under_a_lost_key_names_the_settings(channel: Destination, settings: Any) -> None:
    settings.SECRET_KEY = "another"
    assert "SECRET_KEY_FALLBACKS" in about(examined(), "telegram: @news")


def test_only_some_of_many_destinations_are_tried_and_it_says_so(sandbox: RunningSandbox) -> None:
    for number in range(3):
        make_destination(sandbox, name=f"channel {number}")
    keep_alive()
    said = call("doctor", "--destinations", "2")
    assert "2 of 3 destinations were tested." in said.out
    assert call("doctor", "--destinations", "-1").code == 1


def test_a_redis_that_is_away_names_its_setting_and_the_services_are_tried_all_the_same(channel: Destination) -> None:
    configure(REDIS="redis://127.0.0.1:1/0")
    said = call("doctor")
    found = about(said, "Saves are not affected")
    assert found.startswith("[WRONG] redis:")
    assert "SYNCQUEUE['REDIS']" in found
    assert "[ok]    telegram: @news:" in said.out


def test_a_redis_that_evicts_is_wrong(own_redis_server: Any) -> None:
    configure(REDIS=own_redis_server.url)
    with redis.Redis.from_url(own_redis_server.url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
    assert "noeviction" in about(examined(), "allkeys-lru")


def test_a_celery_broker_in_the_same_database_is_noted(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.sadd("_kombu.binding.celery", "a binding")
    found = about(examined(), "Celery")
    assert found.startswith("[note]  redis:") and "_kombu.binding.celery" in found


def test_a_queue_of_another_database_is_named_with_both_sites() -> None:
    fill("telegram", pending=1)
    first = site.site_id()
    SiteStamp.objects.update(site_id="f" * 32)
    site.forget()
    queues.forget()
    found = about(call("doctor"), "belongs to another database")
    assert first in found and "f" * 32 in found
    assert "KEY_PREFIX" in found


def test_a_database_of_another_environment_is_to_be_adopted() -> None:
    site.stamp()
    SiteStamp.objects.update(environment="production")
    site.forget()
    assert "adopt-queue" in about(call("doctor"), "'production'")


def test_wrong_settings_are_named_and_nothing_else_is_tried(settings: Any) -> None:
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "KEY_PREFX": "x"}
    said = call("doctor")
    assert said.code == 1
    assert "did you mean 'KEY_PREFIX'?" in about(said, "KEY_PREFX")
    assert "redis" not in said.out


def test_a_handler_that_cannot_be_used_is_wrong(settings: Any) -> None:
    configure(HANDLERS={"mine": {"CLASS": "no.such.module.Handler"}})
    assert "no.such.module.Handler" in call("doctor").out
