"""The quickstart, followed as written, with a Redis and a stand-in for Telegram."""

from __future__ import annotations

from pathlib import Path

import pytest

from project.sandbox.testing import RunningSandbox
from tests.docs.pages import blocks
from tests.docs.reader import reading
from tests.eventually import eventually
from tests.packaging.distributions import CHECKOUT, Distributions, pip_environment

PAGE = CHECKOUT / "docs/quickstart.md"
TRANSLATED = CHECKOUT / "docs/quickstart.zh-hans.md"


@pytest.mark.processes
def test_every_command_of_the_quickstart_works_as_written(
    tmp_path: Path, distributions: Distributions, python3_folder: Path, sandbox: RunningSandbox, redis_url: str
) -> None:
    yours = {"REDIS_URL": redis_url, "TELEGRAM_TOKEN": sandbox.bot_token, "TELEGRAM_CHANNEL": "@news"}
    environment = pip_environment(distributions, python3_folder) | {"TELEGRAM_API_BASE_URL": sandbox.telegram_url}

    with reading(PAGE, folder=tmp_path, yours=yours, environment=environment) as said:
        for block in blocks(PAGE):
            if block.language == "text":
                for line in block.text.splitlines():
                    assert line.removesuffix(" ...") in said[block.number - 1]

        def look() -> None:
            assert [one["text"] for one in sandbox.messages("@news")] == ["Hello again", "Written during an outage"]

        eventually(look)


def test_the_translated_quickstart_says_the_same_commands() -> None:
    assert blocks(TRANSLATED) == blocks(PAGE)
