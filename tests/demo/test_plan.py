"""What the demo starts, with which ports and variables."""

import json
import socket
from pathlib import Path

import pytest

from project.demo.plan import HOST, SANDBOX_TOKEN, CannotStart, check_ports, make_plan

FOLDER = Path("somewhere")


def test_without_variables_the_demo_brings_redis_and_the_sandbox_along() -> None:
    plan = make_plan({}, FOLDER)
    assert plan.ports == {
        **{"web": 8000, "sandbox": 8020, "redis": 8030},
        **{"telegram": 8021, "mastodon": 8022, "manticore": 8023, "webhook": 8024, "pictures": 8025, "bluesky": 8026},
    }
    assert plan.redis_url == "redis://127.0.0.1:8030/0"
    assert plan.environment["TELEGRAM_API_BASE_URL"] == "http://127.0.0.1:8021"
    destinations = json.loads(plan.environment["DESTINATIONS"])
    assert {name: (place["SERVICE"], place.get("RULE", "all")) for name, place in destinations.items()} == {
        "news": ("telegram", "public"),
        "drafts": ("telegram", "private"),
        "tagged": ("telegram", "tag"),
        "account": ("mastodon", "public"),
        "sky": ("bluesky", "public"),
        "search": ("manticore", "all"),
        "hook": ("webhook", "all"),
    }
    assert plan.environment["SYNCQUEUE_SERVICES"] == "telegram,mastodon,manticore,webhook,bluesky"


def test_a_redis_of_the_environment_is_used_instead_of_an_own_one() -> None:
    plan = make_plan({"REDIS_URL": "redis://elsewhere:6379/3"}, FOLDER)
    assert plan.redis_url == "redis://elsewhere:6379/3"
    assert not plan.starts_valkey


def test_own_destinations_go_to_the_real_api_and_no_sandbox_is_started() -> None:
    plan = make_plan({"DESTINATIONS": '{"mine": {}}'}, FOLDER)
    assert plan.environment["DESTINATIONS"] == '{"mine": {}}'
    assert "TELEGRAM_API_BASE_URL" not in plan.environment
    assert plan.sandbox_url is None


def test_real_services_keep_the_default_waiting_times() -> None:
    assert "SYNCQUEUE_TELEGRAM" not in make_plan({"DESTINATIONS": '{"mine": {}}'}, FOLDER).environment


def test_the_token_of_the_sandbox_never_goes_to_an_address_of_the_environment() -> None:
    plan = make_plan({"TELEGRAM_API_BASE_URL": "https://elsewhere.example"}, FOLDER)
    assert SANDBOX_TOKEN in plan.environment["DESTINATIONS"]
    assert plan.environment["TELEGRAM_API_BASE_URL"] == "http://127.0.0.1:8021"


def test_a_taken_port_is_said_with_the_variable_that_moves_it() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        plan = make_plan({"DEMO_PORT": str(port), "REDIS_URL": "x", "DESTINATIONS": "x"}, FOLDER)
        with pytest.raises(CannotStart, match=rf"Port {port} is taken.*DEMO_PORT=\d+ make demo"):
            check_ports(plan)


def test_a_port_that_is_no_number_is_refused_by_name() -> None:
    with pytest.raises(CannotStart, match="SANDBOX_PORT=many is not a port"):
        make_plan({"SANDBOX_PORT": "many"}, FOLDER)
