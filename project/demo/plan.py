"""The plan of a demo: ports, the data folder, and the variables of its processes."""

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BASE_DIR = Path(__file__).resolve().parent.parent.parent
HOST = "127.0.0.1"

# The bot token of the sandbox (its --bot-token); it is not valid anywhere else.
SANDBOX_TOKEN = "110201543:sandbox-token-of-the-demo-bot"

# The token of the sandbox's first account, and the signing secret of its receivers; not valid anywhere else.
SANDBOX_ACCOUNT = "sandbox-token-of-the-notes-account"
SANDBOX_HANDLE, SANDBOX_APP_PASSWORD = "thenotes.test", "note-note-note-note"
SANDBOX_SECRET = "whsec_c2FuZGJveC1zZWNyZXQtb2YtdGhlLWRlbW8taG9vay0x"  # noqa: S105

# Offsets from the port of the sandbox to the ports of its services.
SERVICE_PORTS = {"telegram": 1, "mastodon": 2, "manticore": 3, "webhook": 4, "pictures": 5, "bluesky": 6}

# With the defaults (a minute to the first retry, half a minute until an open breaker probes, leases of a minute) an
# outage in the demo would take many minutes. Real services keep the defaults.
SHORT_WAITS: dict[str, dict[str, float]] = {
    **{
        f"SYNCQUEUE_{service}": {"BASE_DELAY_SECONDS": 2, "MAX_DELAY_MINUTES": 1}
        for service in ("TELEGRAM", "MASTODON", "MANTICORE", "WEBHOOK", "BLUESKY")
    },
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

    folder: Path  # database, files of Valkey, logs
    ports: Mapping[str, int]  # by PORT_NAMES; only those of started processes
    environment: Mapping[str, str]  # the variables of every process

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


# The variable of each port, and its default. The ports of the sandbox's services follow the sandbox's port.
PORT_NAMES = {
    "web": ("DEMO_PORT", 8000),
    "sandbox": ("SANDBOX_PORT", 8020),
    "redis": ("DEMO_REDIS_PORT", 8030),
}


def make_plan(given: Mapping[str, str], folder: Path) -> Plan:
    """Return the plan for the variables of the shell and `.env`; their Redis and destinations take precedence.

    Raises `CannotStart` for a port that is not a number.
    """
    ports = {name: _port(given, variable, default) for name, (variable, default) in PORT_NAMES.items()}
    environment = dict(given) | {
        "DEBUG": "1",
        "OWN_DESTINATIONS": given.get("OWN_DESTINATIONS") or "1",
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "PYTHONUNBUFFERED": "1",
        "SECURE_SSL_REDIRECT": "0",
        "SITE_URL": f"http://{HOST}:{ports['web']}",
        # Local addresses are not requested through a proxy of the shell.
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
        beside = {name: ports["sandbox"] + step for name, step in SERVICE_PORTS.items()}
        ports |= beside
        environment |= sandbox_variables({name: f"http://{HOST}:{port}" for name, port in beside.items()})
        environment |= {name: given.get(name) or json.dumps(value) for name, value in SHORT_WAITS.items()}
        environment["SILENCED_SYSTEM_CHECKS"] = "syncqueue.W004"  # the sandbox never needs longer than such an attempt
    return Plan(folder=folder, ports=ports, environment=environment)


def sandbox_variables(urls: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of the sandbox, always together: one alone could send a real token to the sandbox or back.

    `urls`: the URLs of the sandbox's services.
    """
    return {
        "DESTINATIONS": json.dumps(destinations(urls)),
        "SYNCQUEUE_SERVICES": "telegram,mastodon,manticore,webhook,bluesky",
        "SYNCQUEUE_ALLOWED_PRIVATE_HOSTS": HOST,
        "TELEGRAM_API_BASE_URL": urls["telegram"],
        "MANTICORE_URL": urls["manticore"],
        "BLUESKY_PDS_URL": urls["bluesky"],
        "BLUESKY_WEB_URL": urls["bluesky"],
    }


def destinations(urls: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return three channels, two accounts for public notes, and a table and a receiver for all notes."""
    telegram = {"SERVICE": "telegram", "SECRET": {"token": SANDBOX_TOKEN}}
    return {
        "news": telegram | {"ADDRESS": "@news", "RULE": "public"},
        "drafts": telegram | {"ADDRESS": "@drafts", "RULE": "private"},
        "tagged": telegram | {"ADDRESS": "@tagged", "RULE": "tag", "RULE_VALUE": "travel"},
        "account": {
            "SERVICE": "mastodon",
            "ADDRESS": urls["mastodon"],
            "SECRET": {"access_token": SANDBOX_ACCOUNT},
            "RULE": "public",
        },
        "sky": {
            "SERVICE": "bluesky",
            "ADDRESS": SANDBOX_HANDLE,
            "SECRET": {"password": SANDBOX_APP_PASSWORD},
            "RULE": "public",
        },
        "search": {"SERVICE": "manticore", "ADDRESS": "notes"},
        "hook": {"SERVICE": "webhook", "ADDRESS": f"{urls['webhook']}/notes", "SECRET": {"secret": SANDBOX_SECRET}},
    }


def check_ports(plan: Plan) -> None:
    """Raise `CannotStart`, which names every port in use and the variable that changes it."""
    taken = [name for name in plan.ports if not is_free(plan.ports[name])]
    if taken:
        raise CannotStart("\n".join(_way_out(name, plan.ports[name]) for name in taken))


def _way_out(name: str, port: int) -> str:
    variable, _ = PORT_NAMES["sandbox" if name in SERVICE_PORTS else name]
    return (
        f"Port {port} is taken by another program (perhaps another demo). "
        f"Stop it, or use another port: {variable}={port + 100} make demo"
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
        raise CannotStart(f"{variable}={text} is not a port: use a number from 1024 to 65534.")
    return int(text)
