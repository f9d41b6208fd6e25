"""A webhook receiver: answers 204 to every POST at once, and notes the number of each (see bench/jobs.py).

`python -m bench.receiver PORT`. It reads as much of HTTP as its callers send: a length, a body, connections kept open.
"""

from __future__ import annotations

import asyncio
import re
import sys
from typing import cast

from bench.jobs import note

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_NUMBER = re.compile(rb"number (\d+)")
_ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


class Receiver(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A caller has connected."""
        self._transport = cast("asyncio.Transport", transport)
        self._read = b""

    def data_received(self, data: bytes) -> None:
        """A request, whole or in part."""
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._read[:end])
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._read) < whole:
                return
            if found := _NUMBER.search(self._read[end:whole]):
                note(int(found[1]))
            self._read = self._read[whole:]
            self._transport.write(_ANSWER)


async def main(port: int) -> None:
    """Serve until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", port, backlog=1024)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
