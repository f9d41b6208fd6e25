"""``python -m syncqueue.testing.sandbox shelf:Shelf``: services of your own as a process, with a page for people."""

from __future__ import annotations

import argparse
import asyncio
import sys
from importlib import import_module
from pathlib import Path

from syncqueue.testing.sandbox.endpoint import PortTaken
from syncqueue.testing.sandbox.request_log import RequestLog
from syncqueue.testing.sandbox.sandbox import Sandbox
from syncqueue.testing.sandbox.serving import serve
from syncqueue.testing.sandbox.state_file import StateUnreadable


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m syncqueue.testing.sandbox",
        description="Stand-ins for outside services on this machine, with a page and a mode for each.",
    )
    parser.add_argument("services", nargs="+", metavar="MODULE:CLASS", help="a subclass of Service, made without args")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--control-port", type=int, default=8020, help="page and control API (0: any free port)")
    parser.add_argument("--port", type=int, default=8021, help="the first service; the next ones follow (0: any free)")
    parser.add_argument("--log", type=Path, metavar="FILE", help="append every request to FILE as JSON lines")
    parser.add_argument("--state", type=Path, metavar="FILE", help="keep the data in FILE across restarts")
    parser.add_argument("--exit-with-parent", action="store_true", help="exit when standard input is closed")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run until a signal arrives. Returns the exit code: 2 if a port or a file cannot be used."""
    options = _options().parse_args(arguments)
    try:
        asyncio.run(_run(options))
    except (PortTaken, StateUnreadable, OSError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 2
    return 0


async def _run(options: argparse.Namespace) -> None:
    sandbox = Sandbox(RequestLog(options.log), options.state, {})
    for number, path in enumerate(options.services):
        module, _, name = path.partition(":")
        service = getattr(import_module(module), name)()
        sandbox.add(service, options.host, options.port and options.port + number, "--port")
    await serve(sandbox, options.host, options.control_port, exit_with_parent=options.exit_with_parent)


if __name__ == "__main__":
    sys.exit(main())
