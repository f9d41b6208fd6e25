"""The sandbox as a process: its start, its end, and the files that outlive it."""

import json
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

from telegram.error import TelegramError

from project.sandbox.testing import REPOSITORY, running_sandbox
from tests.eventually import eventually

from .talking import talk


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_it_ends_when_its_parent_is_gone():
    with running_sandbox() as sandbox:
        sandbox.process.stdin.close()
        assert sandbox.process.wait(20) == 0


def test_sigterm_ends_it_even_while_a_request_hangs():
    with running_sandbox() as sandbox:
        sandbox.set_mode("telegram", "hang")
        sending = threading.Thread(target=lambda: broken_off(sandbox))
        sending.start()
        eventually(lambda: one_is_open(sandbox))
        sandbox.process.send_signal(signal.SIGTERM)
        assert sandbox.process.wait(20) == 0
        sending.join(20)


def broken_off(sandbox) -> None:
    try:
        talk(sandbox, lambda bot: bot.send_message("@news", "x"), read_timeout=120)
    except TelegramError:
        return
    raise AssertionError("a request that hung was answered")


def one_is_open(sandbox) -> None:
    assert [entry["open"] for entry in sandbox.log()] == [True]


def test_a_port_in_use_is_said_in_words_with_the_way_out():
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = str(holder.getsockname()[1])
        command = [sys.executable, "-m", "project.sandbox", "--control-port", "0", "--telegram-port", port]
        ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 2
    assert port in ended.stderr
    assert "--telegram-port" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


def test_the_log_file_tells_of_a_stored_request_even_when_the_process_is_killed(tmp_path):
    path = tmp_path / "log.jsonl"
    with running_sandbox(["--log", str(path)]) as sandbox:
        talk(sandbox, lambda bot: bot.send_message("@news", "first"))
        sandbox.set_mode("telegram", "hang")
        sending = threading.Thread(target=lambda: broken_off(sandbox))
        sending.start()
        eventually(lambda: hanging(path))
        sandbox.process.kill()
        sending.join(20)
    taken = [line for line in lines(path) if line["event"] == "taken"]
    ended = {line["n"]: line for line in lines(path) if line["event"] == "ended"}
    assert [(line["n"], line["stored"], line["method"]) for line in taken] == [
        (1, True, "sendMessage"),
        (2, True, "sendMessage"),
    ]
    assert list(ended) == [1]
    assert (ended[1]["status"], ended[1]["answered"]) == (200, True)
    assert sandbox.bot_token.partition(":")[2] not in path.read_text()


def hanging(path: Path) -> None:
    assert any(line.get("n") == 2 for line in lines(path))


def test_messages_outlive_a_restart_when_a_state_file_is_given(tmp_path):
    options = ["--state", str(tmp_path / "state.json")]
    with running_sandbox(options) as sandbox:
        first = talk(sandbox, lambda bot: bot.send_document("@news", b"x", filename="a.md", caption="kept"))
        gone = talk(sandbox, lambda bot: bot.send_message("@news", "gone"))
        talk(sandbox, lambda bot: bot.delete_message("@news", gone.message_id))
    with running_sandbox(options) as sandbox:
        [seen] = sandbox.messages()
        assert (seen["message_id"], seen["caption"]) == (first.message_id, "kept")
        later = talk(sandbox, lambda bot: bot.send_message("@news", "later"))
        assert later.message_id > gone.message_id


def test_options_give_other_tokens_and_another_default_wait():
    with running_sandbox(["--bot-token", "7:other", "--retry-after", "9"]) as sandbox:
        assert talk(sandbox, lambda bot: bot.get_me(), token="7:other").id == 7
        sandbox.set_mode("telegram", "limited")
        assert sandbox.state()["services"]["telegram"]["params"] == {"retry_after": 9}
