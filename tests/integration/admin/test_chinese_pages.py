"""Nothing on a Chinese page is English but names, and what services have said."""

from __future__ import annotations

import re
import socket
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client

from syncqueue.models import Destination
from tests.integration.admin.chinese_site import build

pytestmark = pytest.mark.django_db

ROOTS = ("/admin/syncqueue/", "/admin/notes/note/")
CHINESE = {"Accept-Language": "zh-hans"}
SHOWN_ATTRIBUTES = ("title", "aria-label", "placeholder", "alt", "data-label")
SILENT = ("script", "style", "code", "pre", "svg", "textarea")


class Texts(HTMLParser):
    """Gathers what a page shows, and where it leads."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.links: list[str] = []
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in SILENT:
            self._silent.append(tag)
        self.texts += [given[name] for name in SHOWN_ATTRIBUTES if given.get(name)]
        if tag == "input" and given.get("type") in ("submit", "button", "reset"):
            self.texts.append(given.get("value", ""))
        self.links += [given[name] for name in ("href", "action", "formaction") if given.get(name)]

    def handle_endtag(self, tag: str) -> None:
        if tag in self._silent:
            self._silent.remove(tag)

    def handle_data(self, data: str) -> None:
        if not self._silent and data.strip():
            self.texts.append(" ".join(data.split()))


def read(page: str) -> Texts:
    found = Texts()
    found.feed(page)
    return found


# Removed before words are looked for: what a service said, addresses, and names in code.
NO_WORDS = re.compile(
    r"Bad Request: chat not found|no route|https?://\S+|[\w-]+(\.[\w-]+)+(:\d+)?|SYNCQUEUE\['\w+'\]|\w+\.?\w*\(\)|->"
    r"|\b[0-9a-f]{24}\b|IPv[46] [0-9a-f:.]+|@\w+|runsyncworker|KeyError|ReadTimeout|key:record-\d+|"
    + re.escape(socket.gethostname())
    + r"(-\d+-[0-9a-f]+)?"
)
# Names of services, and what everybody calls by its name.
NAMES = {
    "telegram",
    "second",
    "webhook",
    "Telegram",
    "Mastodon",
    "Markdown",
    "Redis",
    "HTML",
    "URL",
    "JSON",
    "Django",
    "Web",
}
# What Django itself does not translate.
DJANGO = {"admin", "Model name", "Add link", "Change or view list link", "Search", "True", "False"}
DJANGO |= {"- Select an option -"}  # 6.1
# Labels of fields and filters, to which Django appends a colon.
DJANGO_LABEL = re.compile(r"[^A-Za-z:]+:( \d+)?|开始输入以筛选\.\.\.|Filter by [a-z ]+")
# The demo site's own model and the test's own handler, which are in English.
SITE = {"note", "notes", "Note", "Notes", "Tags", "Text", "Deleted", "Created", "Updated", "at", "Private", "private"}
SITE |= {"Goes", "Expires", "Copies", "are", "made", "then", "Empty", "once", "removed", "never"}
SITE |= {"place", "trash", "Put", "Take", "selected", "into", "the", "out", "of", "Password", "is", "in", "back"}
# A sentence's own punctuation in Chinese is not that of English. Colons in times, and points in figures, are another.
ENGLISH_STOPS = re.compile(r"[\u4e00-\u9fff”’）][,.;:!?]|[,;:!?] ?[\u4e00-\u9fff“（]")


def english_in(text: str) -> list[str]:
    """What is English in a text that a Chinese page shows."""
    if text in DJANGO or DJANGO_LABEL.fullmatch(text):
        return []
    rest = NO_WORDS.sub(" ", text)
    words = [word for word in re.findall(r"[A-Za-z]{2,}", rest) if word not in NAMES | SITE]
    return words + ENGLISH_STOPS.findall(rest)


def crawl(client: Client, start: tuple[str, ...]) -> Iterator[tuple[str, Texts]]:
    """Yield each kind of page that can be reached from `start`, at most three of a kind."""
    todo, seen, kinds = list(start), set(start), Counter[str]()
    while todo:
        path = todo.pop(0)
        answer = client.get(path, headers=CHINESE)
        if answer.status_code != 200 or "html" not in answer["Content-Type"]:
            continue  # a button that only posts
        page = read(answer.content.decode())
        yield path, page
        for link in page.links:
            target = urlsplit(urljoin(path, link))
            address = target.path + (f"?{target.query}" if target.query else "")
            kind = re.sub(r"\d+|[0-9a-f]{8,}", "#", address)
            is_ours = target.netloc == "" and target.path.startswith(ROOTS)
            if is_ours and address not in seen and kinds[kind] < 3 and not (target.query and "?" in path):
                kinds[kind] += 1
                seen.add(address)
                todo.append(address)


def test_nothing_is_english_but_names_and_what_services_said(admin_client: Client, admin_user: User) -> None:
    build(admin_user)
    start = (*ROOTS, "/admin/syncqueue/queue/telegram/task/nothing/")
    found: dict[str, str] = {}
    count = 0
    for path, page in crawl(admin_client, start):
        count += 1
        for text in page.texts:
            if wrong := english_in(text):
                found.setdefault(f"{text[:200]} {wrong}", path)
    assert count > 100, "the crawl no longer gets around"
    assert not found, "\n".join(f"{path}: {text}" for text, path in found.items())


def test_what_actions_ask_and_answer_is_chinese_too(admin_client: Client, admin_user: User) -> None:
    build(admin_user)
    found: dict[str, str] = {}
    asked = 0
    for path in ("/admin/syncqueue/syncrecord/", "/admin/syncqueue/destination/", "/admin/notes/note/"):
        page = admin_client.get(path, headers=CHINESE).content.decode()
        row = re.search(r'name="_selected_action" value="(\d+)"', page)
        actions = re.findall(r'<option value="(\w+)"', page[page.index('name="action"') :].partition("</select>")[0])
        assert row is not None and actions, path
        for action in actions:
            chosen = {"action": action, "_selected_action": row[1]}
            answer = admin_client.post(path, chosen, follow=True, headers=CHINESE)
            asked += 1
            for text in read(answer.content.decode()).texts:
                if wrong := english_in(text):
                    found.setdefault(f"{text[:200]} {wrong}", f"{path} {action}")
    assert asked > 5
    assert not found, "\n".join(f"{path}: {text}" for text, path in found.items())


@pytest.mark.parametrize("name", ["check", "send-test", "try-again"])
def test_what_a_button_of_a_destination_answers_is_chinese_too(
    name: str, admin_client: Client, admin_user: User
) -> None:
    build(admin_user)
    for place in Destination.objects.filter(service="telegram"):
        address = f"/admin/syncqueue/destination/{place.pk}/{name}/"
        answer = admin_client.post(address, follow=True, headers=CHINESE)
        found = {text: english_in(text) for text in read(answer.content.decode()).texts if english_in(text)}
        assert not found, place.name
