"""Every position of the switch, as the client library meets it, and what the log says of it afterwards."""

import asyncio
import socket
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from telegram import Bot
from telegram.error import Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError, TimedOut

from project.sandbox.testing import RunningSandbox
from tests.eventually import eventually

from .talking import talk


async def say(bot: Bot, text: str = "Hello", chat: str = "@news") -> int:
    return (await bot.send_message(chat, text)).message_id


def facts(entry: dict) -> tuple:
    return entry["mode"], entry["stored"], entry["status"], entry["answered"], entry["open"]


def last_facts_are(sandbox: RunningSandbox, *expected) -> None:
    def check() -> None:
        assert facts(sandbox.log()[-1]) == expected

    eventually(check)


def test_up_stores_and_answers(sandbox):
    message_id = talk(sandbox, say)
    [entry] = sandbox.log()
    assert facts(entry) == ("up", True, 200, True, False)
    assert (entry["method"], entry["chat"], entry["message_id"]) == ("sendMessage", -1001000000001, message_id)
    assert entry["params"] == {"chat_id": "@news", "text": "Hello"}


def test_what_reads_or_is_refused_is_logged_as_not_stored(sandbox):
    talk(sandbox, Bot.get_me)
    with pytest.raises(TelegramError):
        talk(sandbox, lambda bot: say(bot, chat="@nowhere"))
    assert [(e["method"], e["stored"], e["status"], e["chat"]) for e in sandbox.log()] == [
        ("getMe", False, 200, None),
        ("sendMessage", False, 400, "@nowhere"),
    ]


def test_slow_answers_in_the_end(sandbox):
    sandbox.set_mode("telegram", "slow", delay_seconds=0.1)
    talk(sandbox, say)
    last_facts_are(sandbox, "slow", True, 200, True, False)


def test_slow_has_stored_even_when_the_client_does_not_wait(sandbox):
    sandbox.set_mode("telegram", "slow", delay_seconds=60)
    with pytest.raises(TimedOut):
        talk(sandbox, say, read_timeout=0.3)
    last_facts_are(sandbox, "slow", True, None, False, False)
    assert len(sandbox.messages()) == 1


def test_limited_says_when_to_come_back_and_stores_nothing(sandbox):
    sandbox.set_mode("telegram", "limited", retry_after=7)
    with pytest.raises(RetryAfter) as caught:
        talk(sandbox, say)
    assert caught.value.retry_after == timedelta(seconds=7)
    last_facts_are(sandbox, "limited", False, 429, True, False)
    assert sandbox.messages() == []


def test_error_is_a_server_error_that_stores_nothing(sandbox):
    sandbox.set_mode("telegram", "error")
    with pytest.raises(NetworkError, match="Internal Server Error"):
        talk(sandbox, say)
    last_facts_are(sandbox, "error", False, 500, True, False)


@pytest.mark.parametrize(("status", "error"), [(502, "Bad Gateway"), (200, "Invalid server response")])
def test_error_can_be_a_page_of_html(sandbox, status, error):
    sandbox.set_mode("telegram", "error", status=status, html=True)
    with pytest.raises(TelegramError, match=error):
        talk(sandbox, say)
    assert sandbox.messages() == []


def test_broken_refuses_the_channel_but_not_the_bot(sandbox):
    sandbox.set_mode("telegram", "broken")
    with pytest.raises(Forbidden):
        talk(sandbox, say)
    assert talk(sandbox, Bot.get_me).is_bot
    assert sandbox.messages() == []


def test_unauthorized_refuses_the_token(sandbox):
    sandbox.set_mode("telegram", "unauthorized")
    with pytest.raises(InvalidToken):
        talk(sandbox, Bot.get_me)
    last_facts_are(sandbox, "unauthorized", False, 401, True, False)


def test_hang_stores_and_never_answers(sandbox):
    sandbox.set_mode("telegram", "hang")
    with pytest.raises(TimedOut) as caught:
        talk(sandbox, say, read_timeout=0.3)
    assert isinstance(caught.value.__cause__, httpx.ReadTimeout)
    last_facts_are(sandbox, "hang", True, None, False, False)
    assert len(sandbox.messages()) == 1


def test_hang_before_stores_nothing(sandbox):
    sandbox.set_mode("telegram", "hang-before")
    with pytest.raises(TimedOut):
        talk(sandbox, say, read_timeout=0.3)
    last_facts_are(sandbox, "hang-before", False, None, False, False)
    assert sandbox.messages() == []


def is_open(sandbox: RunningSandbox) -> None:
    assert [entry["open"] for entry in sandbox.log()] == [True]


def during(sandbox: RunningSandbox, turn_to: str) -> int:
    """Send a message into the mode as it is, and turn the switch when the request has arrived."""

    async def work(bot: Bot) -> int:
        sending = asyncio.create_task(say(bot))
        await asyncio.to_thread(eventually, lambda: is_open(sandbox))
        await asyncio.to_thread(sandbox.set_mode, "telegram", turn_to)
        return await sending

    return talk(sandbox, work, read_timeout=30)


def test_a_hanging_request_is_answered_when_the_service_is_up_again(sandbox):
    sandbox.set_mode("telegram", "hang")
    message_id = during(sandbox, "up")
    assert sandbox.messages()[0]["message_id"] == message_id
    last_facts_are(sandbox, "hang", True, 200, True, False)


@pytest.mark.parametrize("mode", ["hang", "hang-before", "slow"])
def test_going_down_breaks_open_requests_off_without_an_answer(sandbox, mode):
    sandbox.set_mode("telegram", mode)
    with pytest.raises(NetworkError) as caught:
        during(sandbox, "down")
    assert isinstance(caught.value.__cause__, httpx.ReadError | httpx.RemoteProtocolError)
    last_facts_are(sandbox, mode, mode != "hang-before", None, False, False)


def test_a_request_that_hung_before_is_broken_off_when_the_service_is_up_again(sandbox):
    sandbox.set_mode("telegram", "hang-before")
    with pytest.raises(NetworkError):
        during(sandbox, "up")
    assert sandbox.messages() == []


def test_down_refuses_connections_and_closes_those_kept_alive(sandbox):
    async def work(bot: Bot) -> BaseException | None:
        await say(bot)
        await asyncio.to_thread(sandbox.set_mode, "telegram", "down")
        with pytest.raises(NetworkError) as caught:
            await say(bot)
        await asyncio.to_thread(sandbox.set_mode, "telegram", "up")
        await say(bot)
        return caught.value.__cause__

    assert isinstance(talk(sandbox, work), httpx.ConnectError)
    assert len(sandbox.messages()) == 2
    assert len(sandbox.log()) == 2


def test_the_port_opens_again_every_time(sandbox):
    address = urlsplit(sandbox.telegram_url)
    for _ in range(8):
        sandbox.set_mode("telegram", "down")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((address.hostname, address.port), timeout=5)
        sandbox.set_mode("telegram", "up")
        talk(sandbox, say)
    assert len(sandbox.messages()) == 8


def test_store_then_reset_stores_and_breaks_the_connection(sandbox):
    sandbox.plan_answers("telegram", "store-then-reset")
    with pytest.raises(NetworkError) as caught:
        talk(sandbox, say)
    assert isinstance(caught.value.__cause__, httpx.ReadError | httpx.RemoteProtocolError)
    last_facts_are(sandbox, "store-then-reset", True, None, False, False)
    assert len(sandbox.messages()) == 1


def test_planned_answers_are_met_one_each_and_then_the_mode_counts_again(sandbox):
    sandbox.plan_answers("telegram", "error", {"mode": "limited", "retry_after": 2})
    with pytest.raises(NetworkError):
        talk(sandbox, say)
    with pytest.raises(RetryAfter):
        talk(sandbox, say)
    talk(sandbox, say)
    assert [entry["mode"] for entry in sandbox.log()] == ["error", "limited", "up"]


def test_a_planned_answer_can_wait_for_its_method(sandbox):
    sandbox.plan_answers("telegram", {"mode": "error", "method": "sendMessage"})
    assert talk(sandbox, Bot.get_me).is_bot
    with pytest.raises(NetworkError):
        talk(sandbox, say)


def test_a_mode_can_be_for_one_chat_alone(sandbox):
    sandbox.set_mode("telegram", "broken", chat="@news")
    talk(sandbox, lambda bot: say(bot, chat="@drafts"))
    with pytest.raises(Forbidden):
        talk(sandbox, say)


def test_a_chat_over_its_rate_gets_429_and_others_do_not(sandbox):
    sandbox.set_mode("telegram", "up", per_chat_per_minute=2)
    first = talk(sandbox, say)
    talk(sandbox, say)
    with pytest.raises(RetryAfter) as caught:
        talk(sandbox, say)
    assert timedelta(0) < caught.value.retry_after <= timedelta(seconds=60)
    talk(sandbox, lambda bot: say(bot, chat="@drafts"))
    talk(sandbox, lambda bot: bot.edit_message_text("Edits are not counted", "@news", first))
    assert len(sandbox.messages("@news")) == 2


def test_paced_has_the_real_limits(sandbox):
    sandbox.set_mode("telegram", "pace")
    mode = sandbox.state()["services"]["telegram"]
    assert mode["params"] == {"per_chat_per_minute": 20, "per_chat_per_second": 1}
