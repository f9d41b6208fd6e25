"""What the demo starts: ports, the folder of its data, and the variables its processes get."""

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent.parent
HOST = "127.0.0.1"

# The bot the sandbox knows (its --token); it opens nothing anywhere else.
SANDBOX_TOKEN = "110201543:sandbox-token-of-the-demo-bot"

DESTINATIONS = {
    "news": {"ADDRESS": "@news", "RULE": "public"},
    "drafts": {"ADDRESS": "@drafts", "RULE": "private"},
    "tagged": {"ADDRESS": "@tagged", "RULE": "tag", "RULE_VALUE": "travel"},
}

# With the defaults (a minute to the first retry, half a minute until an open breaker tries again, leases of a
# minute) an outage played on the demo would take many minutes to look at. Real services keep the defaults.
SHORT_WAITS: dict[str, dict[str, float]] = {
    "SYNCQUEUE_TELEGRAM": {"BASE_DELAY_SECONDS": 2, "MAX_DELAY_MINUTES": 1},
    "SYNCQUEUE_BREAKER": {"OPEN_SECONDS": 3},
    "SYNCQUEUE_PROCESSING": {
        "ATTEMPT_TIMEOUT_SECONDS": 5,
        "SHUTDOWN_SECONDS": 8,
        "LEASE_SECONDS": 12,
        "RECOVERY_INTERVAL_SECONDS": 2,
        "RECONCILE_INTERVAL_SECONDS": 3,
    },
}


class CannotStart(Exception):
    """The demo cannot start here; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Ports, folder and variables of one demo."""

    folder: Path  # database, Valkey's files and logs
    ports: Mapping[str, int]  # by PORT_NAMES; only of what is started
    environment: Mapping[str, str]  # of every process

    @property
    def redis_url(self) -> str:
        return self.environment["REDIS_URL"]

    @property
    def site_url(self) -> str:
        return self.environment["SITE_URL"]

    @property
    def sandbox_url(self) -> str | None:
        return f"http://{HOST}:{self.ports['sandbox']}" if "sandbox" in self.ports else None

    @property
    def starts_valkey(self) -> bool:
        return "redis" in self.ports


# The variable that moves a port, and its default. The Bot API's port is the one after the sandbox's.
PORT_NAMES = {
    "web": ("DEMO_PORT", 8000),
    "sandbox": ("SANDBOX_PORT", 8020),
    "redis": ("DEMO_REDIS_PORT", 8030),
}


def make_plan(given: Mapping[str, str], folder: Path) -> Plan:
    """The plan for the variables of the shell and `.env`: what they say of Redis and destinations wins.

    Raises `CannotStart` for a port that is not a number.
    """
    ports = {name: _port(given, variable, default) for name, (variable, default) in PORT_NAMES.items()}
    environment = dict(given) | {
        "DEBUG": "1",
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "PYTHONUNBUFFERED": "1",
        "SECURE_SSL_REDIRECT": "0",
        "SITE_URL": f"http://{HOST}:{ports['web']}",
        # A proxy of the shell is not asked for this machine's own addresses.
        "NO_PROXY": HOST,
        "no_proxy": HOST,
    }
    if not given.get("DATABASE_URL"):
        environment["DATABASE_URL"] = f"sqlite:///{folder / 'demo.sqlite3'}"
    if given.get("REDIS_URL"):
        del ports["redis"]
    else:
        environment["REDIS_URL"] = f"redis://{HOST}:{ports['redis']}/0"
    if given.get("DESTINATIONS"):
        del ports["sandbox"]
    else:
        ports["telegram"] = ports["sandbox"] + 1
        environment |= sandbox_variables(f"http://{HOST}:{ports['telegram']}")
        environment |= {name: given.get(name) or json.dumps(value) for name, value in SHORT_WAITS.items()}
    return Plan(folder=folder, ports=ports, environment=environment)


def sandbox_variables(telegram_url: str) -> dict[str, str]:
    """Always together: one alone would send the sandbox's token to the real Bot API, or a real one here."""
    common = {"SERVICE": "telegram", "SECRET": {"token": SANDBOX_TOKEN}}
    destinations = {name: common | place for name, place in DESTINATIONS.items()}
    return {"DESTINATIONS": json.dumps(destinations), "TELEGRAM_API_BASE_URL": telegram_url}


def check_ports(plan: Plan) -> None:
    """Raises `CannotStart` naming every port that is taken and the variable that moves it."""
    taken = [name for name in plan.ports if not is_free(plan.ports[name])]
    if taken:
        raise CannotStart("\n".join(_way_out(name, plan.ports[name]) for name in taken))


def _way_out(name: str, port: int) -> str:
    variable, _ = PORT_NAMES["sandbox" if name == "telegram" else name]
    return (
        f"Port {port} is taken by another program (another demo, maybe). "
        f"Stop it, or start with another port: {variable}={port + 100} make demo"
    )


def is_free(port: int) -> bool:
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    return True


def _port(given: Mapping[str, str], variable: str, default: int) -> int:
    text = given.get(variable) or str(default)
    if not text.isdecimal() or not 0 < int(text) < 65535:
        raise CannotStart(f"{variable}={text} is not a port: give a number from 1024 to 65534.")
    return int(text)
