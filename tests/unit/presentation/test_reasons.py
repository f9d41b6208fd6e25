"""Every sentence that is stored as a reason is said in Chinese, and taken for no other one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import translation

from syncqueue.presentation.reason_texts import TEXTS
from syncqueue.presentation.reasons import WITHOUT_BLANKS, in_words, matches, recognise

ROOT = Path(__file__).resolve().parents[3] / "syncqueue"
# Where attempts, the queue and a site's code are asked, and what is raised or returned there may be stored.
ROOMS = (
    "core",
    "dispatch",
    "execution",
    "handlers",
    "outbound",
    "queue",
    "sources",
    "services",
    "worker",
    "secrets.py",
)
# Modules whose sentences are never stored: they are raised when a site starts, or to a person who calls them.
NEVER_STORED = {
    "handlers/registry.py": "settings",
    "handlers/manticore/finding.py": "the search of a site's own pages",
    "handlers/manticore/__init__.py": "imports",
    "queue/address.py": "settings",
    "queue/alias.py": "settings",
    "queue/server_checks.py": "names of servers",
    "sources/registration.py": "registration",
    "sources/registry.py": "registration",
    "services/audit.py": "the log of the admin",
}
# The calls whose texts are for the log, translated already, patterns, SQL, or names of duties.
NO_REASONS = frozenset(
    {"compile", "sub", "findall", "_", "gettext", "gettext_lazy", "ngettext", "sql", "Q", "Duty", "_duty", "Trouble"}
    | {"redis_errors", "Outage", "_say", "debug", "info", "warning", "exception", "critical"}
)
# What is left of the other modules: never stored, or a piece of a sentence that stands elsewhere as a whole.
NO_SENTENCES = {
    "core/task.py:‹x› has no time zone": "a piece",
    "handlers/base.py:SYNCQUEUE['HANDLERS']": "settings",
    "handlers/gate.py:SYNCQUEUE['HANDLERS']": "a piece: names the class",
    "handlers/bluesky/client.py:SYNCQUEUE['HANDLERS']": "settings",
    "handlers/bluesky/client.py:no server": "stands for an endpoint",
    "handlers/bluesky/client.py:django-syncqueue": "a name of the program",
    "handlers/bluesky/answers.py:Could not locate": "looked for in an answer",
    "handlers/bluesky/answers.py:grapheme too big": "looked for in an answer",
    "handlers/bluesky/answers.py:string too big": "looked for in an answer",
    "handlers/manticore/answers.py:Manticore answers ‹x›: ‹x›": "a piece, without its full stop",
    "handlers/manticore/answers.py:no table": "a value of an enumeration",
    "handlers/manticore/answers.py:no column": "a value of an enumeration",
    "handlers/manticore/row.py:": "SQL",
    "handlers/mastodon/client.py:no instance": "stands for an endpoint",
    "handlers/mastodon/client.py:django-syncqueue": "a name of the program",
    "handlers/drawing/fonts.py:Install": "the log",
    "handlers/drawing/text.py:SYNCQUEUE['HANDLERS']": "settings",
    "handlers/public.py:module ‹x›": "an error of the caller",
    "handlers/search_fields.py:a name has": "registration",
    "handlers/search_fields.py:syncqueue keeps": "registration",
    "handlers/search_fields.py:this word is": "registration",
    "handlers/search_fields.py:there is no type": "registration",
    "handlers/telegram/answers.py:logged out": "looked for in an answer",
    "handlers/telegram/refusals.py:": "looked for in answers",
    "handlers/webhook/client.py:no receiver": "stands for an endpoint",
    "handlers/webhook/client.py:django-syncqueue": "a name of the program",
    "queue/calls.py:service: this is the queue of": "an error of the caller",
    "queue/calls.py:half open": "a state of a breaker",
    "queue/connection.py:SYNCQUEUE['REDIS']": "settings",
    "queue/connection.py:Error running script": "looked for in an answer",
    "queue/pages.py:": "cursors of the API",
    "queue/server_time.py:": "a script",
    "sources/case_by_key.py:": "SQL",
    "sources/gate.py:created_field (": "a name",
    "sources/gate.py:changed_field (": "a name",
    "sources/gate.py:live_from, live_until": "names",
    "sources/gate.py:the row cannot be read": "a piece",
    "sources/missed.py:the record cannot be written": "a piece",
    "services/condition.py:A heartbeat names": "the log",
    "services/connecting.py:SYNCQUEUE['HANDLERS']": "settings",
    "services/objects.py:‹x› is not registered": "an error of the caller",
    "services/places.py:the deletion of its owner": "the log of the admin",
    "services/tasks.py:Tasks in processing": "a piece",
    "worker/": "the log",
}


class Literals(ast.NodeVisitor):
    """Gathers the texts with blanks that are no docstrings and not given to the calls of `NO_REASONS`."""

    def __init__(self) -> None:
        self.found: list[tuple[int, str]] = []

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name not in NO_REASONS and not (name == "error" and ast.unparse(node.func) == "logger.error"):
            self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self._note(node.lineno, re.sub(r"%\(?\w*\)?[sgd]|\{\w*(![rs])?\}", "‹x›", node.value))

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        pieces = [piece.value if isinstance(piece, ast.Constant) else "‹x›" for piece in node.values]
        self._note(node.lineno, "".join(map(str, pieces)))

    def _note(self, line: int, text: str) -> None:
        if " " in text.strip() and len(re.findall(r"[A-Za-z]{2,}", text)) > 1:
            self.found.append((line, text))


def modules() -> Iterator[Path]:
    for room in ROOMS:
        yield from [ROOT / room] if room.endswith(".py") else sorted((ROOT / room).rglob("*.py"))


def sentences() -> Iterator[tuple[str, str]]:
    """Yield place and text of what the code may store, with ‹x› for values."""
    for file in modules():
        name = str(file.relative_to(ROOT))
        if name not in NEVER_STORED:
            found = Literals()
            found.visit(ast.parse(file.read_text(encoding="utf-8")))
            yield from ((f"{name}:{line}", text) for line, text in found.found)


# Values of every shape: with blanks, full stops, colons, a web address, and words that sentences have.
NASTY = ("x", "Bad Request: chat not found", "@news, 7", "https://t.me/c/1/2", "a. B: c (d); e")


def filled(text: str, value: str, number: str = "7") -> tuple[str, dict[str, str]]:
    """Return a sentence with values: a number where no blank may be."""
    names = re.findall(r"%\((\w+)\)s", text)
    values = {name: number if name in WITHOUT_BLANKS or name == "actor" else value for name in names}
    return text % values, values


def test_every_sentence_that_is_stored_is_known() -> None:
    found = list(sentences())
    assert len(found) > 150, "the walk no longer sees the sentences"
    places = [f"{place.rpartition(':')[0]}:{text}" for place, text in found]
    unknown = [
        f"{place}: {text}"
        for (place, text), key in zip(found, places, strict=True)
        if recognise(text) is None and not key.startswith(tuple(NO_SENTENCES))
    ]
    assert unknown == [], "add it to reason_texts.py, or say here why it is not stored"
    assert [start for start in NO_SENTENCES if not any(key.startswith(start) for key in places)] == []


@pytest.mark.parametrize("value", NASTY)
def test_no_sentence_is_taken_for_another(value: str) -> None:
    for text in TEXTS:
        sentence, values = filled(text, value)
        found = recognise(sentence)
        assert found is not None, sentence
        assert found.text == text, sentence
        if ":" not in value:  # which stands between values
            assert dict(found.values) == values


def test_no_two_sentences_are_equally_likely() -> None:
    for text in TEXTS:
        sentence, _values = filled(text, "x")
        lengths = [len(re.sub(r"%\(\w+\)s", "", one.text)) for one in matches(sentence)]
        assert lengths.count(lengths[0]) == 1, list(matches(sentence))


def test_in_english_a_reason_is_what_is_stored() -> None:
    with translation.override("en"):
        for text in TEXTS:
            sentence, _values = filled(text, "x")
            assert in_words(sentence) == sentence


def test_every_sentence_is_another_one_in_chinese() -> None:
    with translation.override("zh-hans"):
        same = [text for text in TEXTS if in_words(filled(text, "x")[0]) == filled(text, "x")[0]]
    assert same == []


REAL = {
    "Telegram refuses this: Bad Request: chat not found": "Telegram 拒绝此内容：Bad Request: chat not found",
    "api.telegram.org:443 cannot be reached: IPv6 2001:67c::a: no answer within 3 s; IPv4 149.154.167.220: reachable "
    "now; during the attempt: timed out.": (
        "无法连接 api.telegram.org:443：IPv6 2001:67c::a：3 秒内没有响应；IPv4 149.154.167.220：现在可以连接；"
        "尝试期间：超时。"
    ),
    "The instance answers 401. Enter a valid access token of the account.": (
        "实例返回 401。请输入该账号的有效访问令牌。"
    ),
    "The receiver answers 410: no more. It wants no more events: enter another address, or remove the destination.": (
        "接收方返回 410：no more.它不再接收事件：请输入其他地址，或移除该目标。"
    ),
    "Manticore answers 503: no reason given. (gave up after attempt 4)": (
        "Manticore 返回 503：没有说明原因。（第 4 次尝试后放弃）"
    ),
    "Cleared by ann. Telegram refuses this: MESSAGE_EMPTY": "由 ann 清除。Telegram 拒绝此内容：MESSAGE_EMPTY",
    "It is too large to be synced: 1,000,001 characters (at most 1,000,000), 2,000 tags (at most 1,000).": (
        "内容过大，无法同步：1,000,001 个字符（最多 1,000,000）、2,000 个标签（最多 1,000）。"
    ),
    "mastodon.example: The instance answers 502.": "mastodon.example：实例返回 502。",
    "notes.note:5: NoteSync.document() raised KeyError: 'title'": (
        "notes.note:5：NoteSync.document() 抛出 KeyError: 'title'"
    ),
    "KeyError: 'title'": "KeyError: 'title'",
    "The shop is closed on Sundays.": "The shop is closed on Sundays.",
    "": "",
}


@pytest.mark.parametrize("stored", REAL)
def test_a_reason_is_said_in_chinese_and_what_a_service_said_stays(stored: str) -> None:
    with translation.override("zh-hans"):
        assert in_words(stored) == REAL[stored]


def test_a_reason_of_any_length_is_read_at_once() -> None:
    """What a service says may be made of the pieces of sentences; each template reads it once."""
    said = "Telegram answers 400: " + "a copy at: , could not be removed: Remove it by hand: " * 20_000
    assert recognise(said) is not None
