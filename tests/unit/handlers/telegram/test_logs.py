"""The libraries log URLs, and the token is a part of them: it must be in no line, at no level."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from syncqueue.core.errors import DestinationBroken, OutcomeUnknown, Unreachable
from tests.loopback import closed_port, serving

TOKEN = "110201543:sandbox-token-of-the-demo-bot"


def succeed(bench: Any) -> None:
    with serving() as host:
        to(bench, host.port)
        bench.create("Hello")


def be_refused(bench: Any) -> None:
    with serving() as host:
        host.status, host.body = 401, '{"ok": false, "error_code": 401, "description": "Unauthorized"}'
        to(bench, host.port)
        with pytest.raises(DestinationBroken):
            bench.create("Hello")


def find_nobody(bench: Any) -> None:
    to(bench, closed_port())
    with pytest.raises(Unreachable):
        bench.create("Hello")


def get_no_answer(bench: Any) -> None:
    with serving() as host:
        host.ready.clear()
        to(bench, host.port)
        with pytest.raises(OutcomeUnknown):
            bench.create("Hello")


def get_a_page(bench: Any) -> None:
    with serving() as host:
        host.status, host.body = 502, f"<html>no upstream for /bot{TOKEN}/sendMessage</html>"
        to(bench, host.port)
        with pytest.raises(Exception, match="502"):
            bench.create("Hello")


def to(bench: Any, port: int) -> None:
    bench.config = replace(
        bench.config, options={"API_BASE_URL": f"http://127.0.0.1:{port}"}, attempt_timeout_seconds=1
    )


@pytest.mark.parametrize("happen", [succeed, be_refused, find_nobody, get_no_answer, get_a_page])
def test_no_log_line_holds_the_token(
    happen: Callable[[Any], None], bench: Any, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("", "telegram", "httpx", "httpcore", "telegram.Bot", "httpcore.connection", "httpcore.http11"):
        caplog.set_level(logging.DEBUG, logger=name)
    happen(bench)
    secret = TOKEN.partition(":")[2]
    for record in caplog.records:
        assert secret not in record.getMessage()
        assert secret not in logging.Formatter().format(record)
    # The lines that would have held it are there: nothing was proved by silence.
    assert any("[secret]" in record.getMessage() for record in caplog.records if record.name == "telegram.Bot")


def test_httpx_still_logs_its_requests_without_the_token(bench: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="httpx")
    succeed(bench)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "httpx"]
    assert "[secret]/sendMessage" in line
