"""``python -m project.sandbox``: the command line and the lifecycle of the process."""

from __future__ import annotations

import argparse
import sys
from functools import partial

from syncqueue.testing.sandbox.request_log import RequestLog
from syncqueue.testing.sandbox.sandbox import Sandbox
from syncqueue.testing.sandbox.serving import add_common_options, run_process

from .bluesky.relay import BlueskyRelay
from .bluesky.service import BlueskyService
from .manticore.service import ManticoreService
from .mastodon.service import DEFAULT_TOKENS, MastodonService
from .pictures.service import PicturesService
from .telegram.service import DEFAULT_TOKEN, TelegramService
from .webhook.service import WebhookService


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m project.sandbox",
        description="Stand-ins for outside services on this machine, with a page and a mode for each.",
    )
    add_common_options(parser)
    parser.add_argument("--telegram-port", type=int, default=8021, help="Bot API (0: any free port)")
    parser.add_argument("--mastodon-port", type=int, help="Mastodon (default: control port + 2; 0: any free port)")
    parser.add_argument("--manticore-port", type=int, help="Manticore (default: control port + 3; 0: any free port)")
    parser.add_argument("--webhook-port", type=int, help="webhooks (default: control port + 4; 0: any free port)")
    parser.add_argument("--pictures-port", type=int, help="pictures (default: control port + 5; 0: any free port)")
    parser.add_argument("--bluesky-port", type=int, help="Bluesky (default: control port + 6; 0: any free port)")
    parser.add_argument("--bluesky-upstream", metavar="URL", help="a real server, to which requests are handed on")
    parser.add_argument("--bot-token", action="append", help="a bot token that the Bot API accepts (repeatable)")
    parser.add_argument("--mastodon-token", action="append", help="an access token of an account (repeatable)")
    parser.add_argument("--retry-after", type=int, metavar="SECONDS", help="default retry_after of a 429 (5)")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run until a signal arrives. Returns the exit code: 2 if a port or a file cannot be used."""
    options = _options().parse_args(arguments)
    return run_process(options, partial(_sandbox, options))


def _sandbox(options: argparse.Namespace) -> Sandbox:
    house = {"retry_after": options.retry_after} if options.retry_after else {}
    sandbox = Sandbox(RequestLog(options.log), options.state, house)
    sandbox.add(TelegramService(options.bot_token or [DEFAULT_TOKEN]), options.host, options.telegram_port)
    mastodon = MastodonService(options.mastodon_token or DEFAULT_TOKENS)
    sandbox.add(mastodon, options.host, _beside(options.control_port, 2, options.mastodon_port))
    sandbox.add(ManticoreService(), options.host, _beside(options.control_port, 3, options.manticore_port))
    sandbox.add(WebhookService(), options.host, _beside(options.control_port, 4, options.webhook_port))
    sandbox.add(PicturesService(), options.host, _beside(options.control_port, 5, options.pictures_port))
    bluesky = BlueskyRelay(options.bluesky_upstream) if options.bluesky_upstream else BlueskyService()
    sandbox.add(bluesky, options.host, _beside(options.control_port, 6, options.bluesky_port))
    return sandbox


def _beside(control_port: int, step: int, given: int | None) -> int:
    """Return the given port, or an offset from the control port, so that a second sandbox needs only that option."""
    if given is not None:
        return given
    return control_port and control_port + step


if __name__ == "__main__":
    sys.exit(main())
