"""The path of every request through a service: read, apply the mode, store, log, respond (or not)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from syncqueue.testing.sandbox.connection import Connection
from syncqueue.testing.sandbox.modes import REFUSING, Mode, make_mode
from syncqueue.testing.sandbox.request_log import RequestLog
from syncqueue.testing.sandbox.service import Call, Outcome, Service
from syncqueue.testing.sandbox.switch import Pace, Switch


class Gate:
    """The ASGI app on the port of a service."""

    def __init__(self, service: Service, log: RequestLog, on_change: Callable[[], None]) -> None:
        self.service = service
        self.switch = Switch()
        self.pace = Pace()
        self._log = log
        self._on_change = on_change

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            call = await self.service.read_call(Request(scope, receive))
        except ClientDisconnect:
            return  # the client disconnected during the request: a real server would not have received it either
        mode = self.switch.next_for(call.method, lambda chat: self.service.chat_key(chat) == call.chat)
        turned = self.switch.turned
        outcome = self._carry_out(call, mode)
        entry = self._log.take(
            service=self.service.name,
            method=call.method,
            chat=call.chat,
            params=call.params,
            mode=mode.name,
            stored=outcome.stored,
            message_id=outcome.message_id,
        )
        status: int | None = None
        answered = False
        try:
            status, answered = await _deliver(Connection(scope, receive, send), mode, outcome, turned)
        finally:
            self._log.end(entry, status, answered)

    def forget_pace(self) -> None:
        """Reset the rate limits."""
        self.pace = Pace()

    def _carry_out(self, call: Call, mode: Mode) -> Outcome:
        if call.refused:
            return call.refused
        if mode.name in {"hang-before", "reset"}:
            return Outcome(response=None)
        refusal = self.service.refuse(mode, call) if mode.name in REFUSING else self._too_fast(call, mode)
        if refusal and not mode.params.get("stored"):
            return refusal
        outcome = self._perform(call)
        if refusal:
            return replace(outcome, response=refusal.response, closes=refusal.closes)
        return outcome

    def _perform(self, call: Call) -> Outcome:
        outcome = self.service.perform(call)
        if outcome.stored:
            self._on_change()
        if outcome.stored and call.is_post:
            self.pace.note(call.chat)
        return outcome

    def _too_fast(self, call: Call, mode: Mode) -> Outcome | None:
        wait = self.pace.retry_after(call.chat, mode) if call.is_post else 0
        return self.service.refuse(make_mode("limited", {"retry_after": wait}), call) if wait else None


async def _deliver(
    connection: Connection, mode: Mode, outcome: Outcome, turned: asyncio.Event
) -> tuple[int | None, bool]:
    """Respond according to the mode. Returns the HTTP status (None: no response was sent) and "answered"."""
    is_waiting = mode.name in {"hang", "hang-before", "slow"}
    if is_waiting and not await connection.wait(turned, mode.params.get("delay_seconds")):
        return None, False
    if outcome.response is None or mode.name == "store-then-reset":
        await connection.reset()
        return None, False
    answered = await connection.answer(outcome.response)
    if outcome.closes:
        connection.close()
    return outcome.response.status_code, answered
