"""The control port: the page, its safety, and what it says to wrong requests."""

import json
import re

import httpx
import pytest
from telegram.error import BadRequest

from project.sandbox.testing import RunningSandbox, SandboxRefused

from .talking import talk


def page(sandbox: RunningSandbox) -> httpx.Response:
    return httpx.get(sandbox.control_url + "/", trust_env=False)


def test_the_page_shows_what_readers_of_the_channels_see(sandbox):
    async def work(bot):
        message = await bot.send_message("@news", "One <b>bold</b> #word", parse_mode="HTML")
        await bot.edit_message_text(r"Two *bold* \#word", "@news", message.message_id, parse_mode="MarkdownV2")
        await bot.send_document("@drafts", b"inside", filename="long.md", caption="Cap")

    talk(sandbox, lambda bot: work(bot))
    html = page(sandbox).text
    assert 'Two <strong>bold</strong> <span class="entity-hashtag">#word</span>' in html
    assert "edited" in html
    assert "long.md" in html
    assert "<pre>inside</pre>" in html


def test_the_page_shows_the_requests_of_every_service(sandbox):
    for name in ("telegram", "mastodon", "manticore", "webhook", "bluesky", "pictures"):
        httpx.get(getattr(sandbox, f"{name}_url") + "/xrpc/com.atproto.server.describeServer", trust_env=False)
    answer = page(sandbox)
    assert answer.status_code == 200
    assert "describeServer" in answer.text


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'])
def test_what_came_from_outside_is_escaped_everywhere(sandbox, text):
    async def work(bot):
        await bot.send_message("@news", text)
        await bot.send_document("@news", text.encode(), filename=text.replace('"', ""), caption=text)

    talk(sandbox, work)
    assert "<script>alert" not in page(sandbox).text
    assert "<img src=x" not in page(sandbox).text


def test_a_link_that_would_run_a_script_is_refused_as_the_real_server_does(sandbox):
    with pytest.raises(BadRequest, match="(?i)entity url 'javascript:alert"):
        talk(sandbox, lambda bot: bot.send_message("@news", '<a href="javascript:alert(1)">x</a>', parse_mode="HTML"))
    assert 'href="javascript' not in page(sandbox).text


def test_the_page_has_no_inline_code_and_allows_none(sandbox):
    answer = page(sandbox)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert not re.search(r"<style|style=|<script(?! src=\"/static/)|\son\w+=", answer.text)


def test_an_unchanged_page_is_not_sent_again(sandbox):
    tag = page(sandbox).headers["etag"]
    again = httpx.get(sandbox.control_url + "/", headers={"If-None-Match": tag}, trust_env=False)
    assert again.status_code == 304
    talk(sandbox, lambda bot: bot.send_message("@news", "x"))
    assert page(sandbox).headers["etag"] != tag


@pytest.mark.parametrize("file", ["page.css", "page.js", "icon.svg"])
def test_the_page_brings_its_own_files(sandbox, file):
    assert httpx.get(f"{sandbox.control_url}/static/{file}", trust_env=False).status_code == 200


def test_a_button_of_the_page_turns_the_switch_and_comes_back(sandbox):
    answer = httpx.post(
        sandbox.control_url + "/services/telegram/mode",
        data={"mode": "limited", "retry_after": ""},
        headers={"Origin": sandbox.control_url},
        trust_env=False,
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    state = sandbox.state()["services"]["telegram"]
    assert (state["mode"], state["params"]) == ("limited", {"retry_after": 5})


@pytest.mark.parametrize("headers", [{"Origin": "http://elsewhere.example"}, {"Origin": "null"}])
def test_another_sites_page_cannot_turn_the_switch(sandbox, headers):
    url = sandbox.control_url + "/services/telegram/mode"
    answer = httpx.post(url, data={"mode": "down"}, headers=headers, trust_env=False)
    assert answer.status_code == 403
    assert sandbox.state()["services"]["telegram"]["mode"] == "up"


def test_a_foreign_host_name_is_refused(sandbox):
    headers = {"Host": "rebound.example:8020", "Origin": "http://rebound.example:8020"}
    for method, path in (("GET", "/state.json"), ("POST", "/reset")):
        answer = httpx.request(method, sandbox.control_url + path, headers=headers, trust_env=False)
        assert answer.status_code == 403


@pytest.mark.parametrize(
    ("mode", "params", "lesson"),
    [
        ("asleep", {}, "Known: up"),
        ("slow", {"delay_second": 1}, "Did you mean 'delay_seconds'?"),
        ("limited", {"retry_after": "soon"}, "must be a number"),
        ("limited", {"retry_after": 0}, "must be between 1"),
        ("down", {"chat": "@news"}, "takes no parameter"),
    ],
)
def test_a_wrong_mode_is_refused_with_the_right_one(sandbox, mode, params, lesson):
    with pytest.raises(SandboxRefused) as caught:
        sandbox.set_mode("telegram", mode, **params)
    assert lesson in json.loads(str(caught.value).partition("400 ")[2])["error"]


def test_down_cannot_be_planned(sandbox):
    with pytest.raises(SandboxRefused, match="closes the port"):
        sandbox.plan_answers("telegram", "down")


def test_an_unknown_service_or_message_is_not_found(sandbox):
    with pytest.raises(SandboxRefused, match="404.*Known: telegram"):
        sandbox.set_mode("pigeon", "up")
    with pytest.raises(SandboxRefused, match="404"):
        sandbox.lock_message("@news", 999_999)


def test_the_log_is_read_from_a_number_on(sandbox):
    for text in ("one", "two"):
        talk(sandbox, lambda bot, text=text: bot.send_message("@news", text))
    first, second = sandbox.log()
    assert sandbox.log(after=first["n"]) == [second]


def test_reset_empties_everything_and_turns_the_service_up(sandbox):
    talk(sandbox, lambda bot: bot.send_message("@news", "x"))
    sandbox.plan_answers("telegram", "hang")
    sandbox.set_mode("telegram", "down")
    sandbox.reset()
    state = sandbox.state()["services"]["telegram"]
    assert (state["mode"], state["plan"], sandbox.messages(), sandbox.log()) == ("up", [], [], [])
    talk(sandbox, lambda bot: bot.send_message("@news", "x"))


def test_the_token_is_shown_nowhere(sandbox):
    talk(sandbox, lambda bot: bot.send_message("@news", "x"))
    httpx.get(f"{sandbox.telegram_url}/bot{sandbox.bot_token}/noMethod", trust_env=False)
    secret = sandbox.bot_token.partition(":")[2]
    for path in ("/", "/state.json", "/log.json"):
        assert secret not in httpx.get(sandbox.control_url + path, trust_env=False).text
