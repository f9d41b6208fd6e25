"""``python -m syncqueue.testing.sandbox shelf:Shelf``: runs your own services as a process, with a page."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from importlib import import_module

from syncqueue.testing.sandbox.request_log import RequestLog
from syncqueue.testing.sandbox.sandbox import Sandbox
from syncqueue.testing.sandbox.serving import add_common_options, run_process


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m syncqueue.testing.sandbox",
        description="Stand-ins for outside services on this machine, with a page and a mode for each.",
    )
    parser.add_argument("services", nargs="+", metavar="MODULE:CLASS", help="a subclass of Service, made without args")
    add_common_options(parser)
    parser.add_argument("--port", type=int, default=8021, help="the first service; the next ones follow (0: any free)")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run until a signal arrives. Returns the exit code: 2 if a port or a file cannot be used."""
    options = _options().parse_args(arguments)
    return run_process(options, partial(_sandbox, options))


def _sandbox(options: argparse.Namespace) -> Sandbox:
    sandbox = Sandbox(RequestLog(options.log), options.state, {})
    for number, path in enumerate(options.services):
        module, _, name = path.partition(":")
        service = getattr(import_module(module), name)()
        sandbox.add(service, options.host, options.port and options.port + number, "--port")
    return sandbox


if __name__ == "__main__":
    sys.exit(main())
