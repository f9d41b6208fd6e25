"""The whole sandbox: services with gates and ports, one log, and the operations of the control port."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from syncqueue.testing.sandbox.endpoint import Endpoint
from syncqueue.testing.sandbox.gate import Gate
from syncqueue.testing.sandbox.modes import Mode, make_mode
from syncqueue.testing.sandbox.request_log import RequestLog
from syncqueue.testing.sandbox.service import Service
from syncqueue.testing.sandbox.state_file import StateFile


@dataclass(frozen=True, slots=True)
class Stand:
    """One service with its gate and its port."""

    service: Service
    gate: Gate
    endpoint: Endpoint


class Sandbox:
    """All stands by service name."""

    def __init__(self, log: RequestLog, state_path: Path | None, house: Mapping[str, Any]) -> None:
        self.log = log
        self.stands: dict[str, Stand] = {}
        self._house = house  # defaults of mode parameters given on the command line
        self._turning = asyncio.Lock()  # opening and closing a port takes time
        self._state_file = StateFile(state_path) if state_path else None

    def add(self, service: Service, host: str, port: int, option: str = "") -> None:
        """Add a service on a port (0: any free port). Raises `PortTaken`, which names the `option` of the command."""
        gate = Gate(service, self.log, self.changed)
        endpoint = Endpoint(gate, host, port, option=option or f"--{service.name}-port")
        self.stands[service.name] = Stand(service, gate, endpoint)
        if self._state_file:
            self._state_file.load_into(service)

    async def open(self) -> None:
        """Start to listen on every port. Raises `PortTaken`."""
        for stand in self.stands.values():
            await stand.endpoint.open()

    async def close(self) -> None:
        """Close every port and save the state."""
        for stand in self.stands.values():
            await stand.endpoint.close()
            stand.endpoint.release()
        self._save()
        self.log.close()

    async def turn(self, name: str, mode_name: str, params: Mapping[str, Any]) -> Mode:
        """Set the mode of a service. Returns when its port is open or closed accordingly; raises `BadMode`."""
        stand = self.stands[name]
        mode = make_mode(mode_name, params, self._house)
        async with self._turning:
            if mode.name == "down":
                await stand.endpoint.close()  # before the switch wakes hanging requests, so that none is answered
            stand.gate.switch.turn(mode)
            if mode.name != "down":
                await stand.endpoint.open()
        return mode

    def plan(self, name: str, answers: Iterable[tuple[str, Mapping[str, Any]]]) -> list[Mode]:
        """Plan the modes of the next requests, instead of those planned before. Raises `BadMode`."""
        modes = [make_mode(mode_name, params, self._house) for mode_name, params in answers]
        self.stands[name].gate.switch.plan_answers(modes)
        return modes

    async def reset(self) -> None:
        """Restore the initial messages, log, plans and modes."""
        for name, stand in self.stands.items():
            stand.service.reset()
            stand.gate.switch.plan_answers([])
            stand.gate.forget_pace()
            await self.turn(name, "up", {})
        self.log.clear()
        self.changed()

    def urls(self) -> dict[str, str]:
        """Return the URL of each service."""
        return {name: stand.endpoint.url for name, stand in self.stands.items()}

    def state(self) -> dict[str, Any]:
        """Return everything that a visitor of the services could see, as JSON."""
        return {
            "services": {
                name: {
                    **stand.gate.switch.mode.as_json(),
                    "url": stand.endpoint.url,
                    "plan": [mode.as_json() for mode in stand.gate.switch.plan],
                    **stand.service.state(),
                }
                for name, stand in self.stands.items()
            }
        }

    def changed(self) -> None:
        """Save the state soon, because the data of a service has changed."""
        if self._state_file:
            self._state_file.save_soon(self._save)

    def _save(self) -> None:
        if self._state_file:
            self._state_file.save([stand.service for stand in self.stands.values()])
