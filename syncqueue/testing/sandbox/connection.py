"""The connection of one request: wait for the client to disconnect, respond, reset."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from syncqueue.testing.sandbox.endpoint import reset_connection

DRAIN_LOOK_SECONDS = 0.01  # polling interval for the progress of a large response


class Connection:
    """The socket of a request whose body has been read."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._transport = cast(asyncio.Transport, scope["state"]["transport"])
        self._receive = receive
        self._send = send

    async def wait(self, turned: asyncio.Event, seconds: float | None = None) -> bool:
        """Wait for a mode change or a timeout; returns False if the client disconnected before."""
        gone = asyncio.create_task(self._client_gone())
        woken = asyncio.create_task(turned.wait())
        try:
            await asyncio.wait({gone, woken}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            return not gone.done() and not self._transport.is_closing()
        finally:
            gone.cancel()
            woken.cancel()

    async def answer(self, response: Response) -> bool:
        """Send a response; returns True only if all of it was written to the socket.

        The body is sent before the message that ends it, because after the end a closing transport no longer
        distinguishes a failure from a regular close. An endless body stops when its reader disconnects.
        """
        await self._send(
            {"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers}
        )
        async for chunk in _body(response):
            if self._transport.is_closing():
                await self._client_gone()  # otherwise the server would report an incomplete response
                return False
            await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
        # polled, because a transport has no event for "all data written"
        while self._transport.get_write_buffer_size() and not self._transport.is_closing():  # noqa: ASYNC110
            await asyncio.sleep(DRAIN_LOOK_SECONDS)
        answered = not self._transport.is_closing()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        return answered

    def close(self) -> None:
        """Close the connection after a response that did not announce it."""
        self._transport.close()

    async def reset(self) -> None:
        """Reset the connection without a response."""
        reset_connection(self._transport)
        await self._client_gone()  # otherwise the server, which does not know it yet, would respond itself

    async def _client_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass  # the last, empty message of the body


async def _body(response: Response) -> AsyncIterator[bytes]:
    if not isinstance(response, StreamingResponse):
        yield bytes(response.body)
        return
    async for chunk in response.body_iterator:
        yield chunk.encode() if isinstance(chunk, str) else bytes(chunk)
