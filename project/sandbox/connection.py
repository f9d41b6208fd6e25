"""One request's connection: waiting for its client to go away, answering, breaking off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from .endpoint import reset_connection

DRAIN_LOOK_SECONDS = 0.01  # how often a big answer's progress is looked at


class Connection:
    """The socket side of a request whose body has been read."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._transport = cast(asyncio.Transport, scope["state"]["transport"])
        self._receive = receive
        self._send = send

    async def wait(self, turned: asyncio.Event, seconds: float | None = None) -> bool:
        """Wait for the switch to turn or for the time to pass. False: the client went away before."""
        gone = asyncio.create_task(self._client_gone())
        woken = asyncio.create_task(turned.wait())
        try:
            await asyncio.wait({gone, woken}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            return not gone.done() and not self._transport.is_closing()
        finally:
            gone.cancel()
            woken.cancel()

    async def answer(self, response: Response) -> bool:
        """Send an answer. True only if all of it was written to the socket.

        The body goes out before the message that ends it, because after the end a closing transport no longer
        tells failure from a connection that is closed as agreed. A body without end stops when its reader is gone.
        """
        await self._send(
            {"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers}
        )
        async for chunk in _body(response):
            if self._transport.is_closing():
                await self._client_gone()  # else the server would mind that the answer is not complete
                return False
            await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
        # looked at again and again, because a transport tells nobody when all is written
        while self._transport.get_write_buffer_size() and not self._transport.is_closing():  # noqa: ASYNC110
            await asyncio.sleep(DRAIN_LOOK_SECONDS)
        answered = not self._transport.is_closing()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        return answered

    def close(self) -> None:
        """End the connection behind an answer, although nothing in it said so."""
        self._transport.close()

    async def reset(self) -> None:
        """Break off without an answer."""
        reset_connection(self._transport)
        await self._client_gone()  # else the server, not told yet, would answer in the app's place

    async def _client_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass  # the body's last, empty message


async def _body(response: Response) -> AsyncIterator[bytes]:
    if not isinstance(response, StreamingResponse):
        yield bytes(response.body)
        return
    async for chunk in response.body_iterator:
        yield chunk.encode() if isinstance(chunk, str) else bytes(chunk)
