"""Finding what was synced: by the site's code, and in the demo's search box."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import manticoresearch
import pytest
from django.contrib.auth.models import User
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from project.notes import views
from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue.core.errors import HandlerError, Unavailable, Unreachable
from syncqueue.handlers.manticore import Results, search
from syncqueue.models import Destination
from tests.services.manticore.conftest import fill

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("index")]


def texts(results: Results) -> list[str]:
    """What was found, in order."""
    return [hit.values["content"] for hit in results.hits]


def test_the_exact_phrase_comes_first_then_all_words(writer: User) -> None:
    fill(writer, "fox quick brown", "a quick brown fox", "quick and brown", "the quick brown cat", "brown fox: quick!")
    found = search("notes", "quick brown fox")
    assert texts(found)[0] == "a quick brown fox"
    assert sorted(texts(found)[1:]) == ["brown fox: quick!", "fox quick brown"]
    assert found.total == 3


def test_a_hit_leads_back_to_its_object(writer: User) -> None:
    (note,) = fill(writer, "Hello world")
    (hit,) = search("notes", "hello").hits
    assert (hit.source, hit.object_pk) == ("notes.note", str(note.pk))
    assert hit.values["userid"] == writer.pk
    assert hit.id > 0 and hit.score > 1


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 20])
def test_pages_neither_repeat_nor_leave_out(writer: User, limit: int) -> None:
    fill(writer, *(f"red apple {n}" for n in range(4)), *(f"apple that is red {n}" for n in range(5)))
    pages = [search("notes", "red apple", limit=limit, offset=offset) for offset in range(0, 9, limit)]
    found = [text for page in pages for text in texts(page)]
    assert {page.total for page in pages} == {9}
    assert len(found) == len(set(found)) == 9
    assert all(text.startswith("red apple") for text in found[:4])


@pytest.mark.parametrize("query", ["", "   ", "🎉", "!!! ??? ...", '"', "()", "@", "-", "|", "_", "\x00", "①"])
def test_a_query_that_means_nothing_finds_nothing(writer: User, query: str) -> None:
    fill(writer, "Hello", "World")
    assert search("notes", query) == Results(total=0)


@pytest.mark.parametrize(
    "query",
    [
        'hello"',
        "hello (",
        "@nothing hello",
        "-hello",
        "hello | nothing",
        "!hello",
        "hello/",
        "^hello$",
        "hello~2",
        "\\",
    ],
)
def test_operators_in_a_query_are_signs_like_others(writer: User, query: str) -> None:
    fill(writer, "Hello nothing", "World")
    assert texts(search("notes", query)) in (["Hello nothing"], [])
    assert "World" not in texts(search("notes", query))


OPERATORS = '"()|-!@~/^$=<>*?%\\[]{}&'


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([*OPERATORS, "tea", "MAYBE", "SENTENCE", "PARAGRAPH", " ", "é", "\ud83d", "\0"])))
def test_no_query_is_a_question_in_the_servers_own_words(index: Destination, parts: list[str]) -> None:
    query = "".join(parts)
    found = search("notes", query)  # no error, whatever it is
    assert found.total == 0  # there is no table


@pytest.mark.parametrize("word", ["MAYBE", "SENTENCE", "PARAGRAPH"])
@pytest.mark.parametrize("form", ["{}", "green {}", "{} tea", "green {} tea"])
def test_words_in_capitals_are_words_like_others(writer: User, word: str, form: str) -> None:
    query = form.format(word)
    fill(writer, f"A note on {query.lower()} and more", "A note on green tea")
    assert texts(search("notes", query)) == [f"A note on {query.lower()} and more"]
    backwards = " ".join(reversed(query.split()))
    assert texts(search("notes", backwards)) == [f"A note on {query.lower()} and more"]


# Letters with combining marks that are letters to the server: Bengali, Arabic with vowel signs, Limbu; and Devanagari,
# whose marks divide words, in the document as in the query.
@pytest.mark.parametrize("query", ["বাংলা", "কবিতা", "مُحَمَّد", "ᤕᤠᤰᤌᤢᤱ", "हिन्दी", "e\u0301te\u0301"])
def test_words_with_combining_marks_are_found(writer: User, query: str) -> None:
    fill(writer, f"One {query} two", "Other words")
    assert texts(search("notes", query)) == [f"One {query} two"]
    assert texts(search("notes", f"two {query}")) == [f"One {query} two"]


@pytest.mark.parametrize("query", ["日本語", "日本", "東京タワー", "中文"])
def test_words_without_spaces_between_them_are_found(writer: User, query: str) -> None:
    fill(writer, "これは日本語です", "東京タワーへ行く", "我说中文", "English")
    assert len(search("notes", query).hits) == 1


def test_a_query_that_means_nothing_to_an_older_table_finds_nothing_too(sandbox: RunningSandbox, writer: User) -> None:
    with manticoresearch.ApiClient(manticoresearch.Configuration(host=sandbox.manticore_url)) as client:
        made_by_hand = "CREATE TABLE notes (content text)"  # without the options for Chinese and Japanese
        manticoresearch.UtilsApi(client).sql(made_by_hand, _request_timeout=5.0)
    fill(writer, "Hello", "我说中文")
    assert search("notes", "中文") == search("notes", "中文 日本") == Results(total=0)
    assert texts(search("notes", "hello 中文")) == ["Hello"]


def test_filters_must_all_hold(writer: User) -> None:
    other = User.objects.create_user("other")
    fill(writer, "My apple")
    fill(other, "Their apple")
    now = datetime.now(UTC)
    assert texts(search("notes", "apple", {"userid": writer.pk})) == ["My apple"]
    assert len(search("notes", "apple", {"userid": [writer.pk, other.pk]}).hits) == 2
    assert search("notes", "apple", {"userid": writer.pk, "ismarkdown": True}).total == 0
    assert search("notes", "apple", {"createdat": {"gte": now - timedelta(hours=1)}}).total == 2
    assert search("notes", "apple", {"createdat": {"lt": now - timedelta(hours=1)}}).total == 0


@pytest.mark.parametrize(
    "given",
    [
        {"filters": {"userid": None}},
        {"filters": {"userid": []}},
        {"filters": {"createdat": {"above": 1}}},
        {"filters": {"user id": 1}},
        {"filters": {"userid": float("inf")}},
        {"filters": {"userid": [float("nan")]}},
        {"filters": {"createdat": {"gte": 2**64}}},
        {"filters": {"object_pk": "cut\0here"}},
        {"limit": 0},
        {"limit": 1001},
        {"offset": -1},
        {"table": "notes; --"},
    ],
)
def test_what_cannot_be_asked_is_refused_before_it_is_sent(sandbox: RunningSandbox, given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        search(given.pop("table", "notes"), "apple", **given)
    assert sandbox.log() == []


def test_a_table_that_was_not_made_yet_has_nothing() -> None:
    assert search("notes", "apple") == Results(total=0)


def test_pages_end_where_the_server_would_refuse(writer: User) -> None:
    fill(writer, "apple")
    assert search("notes", "apple", offset=10_000) == Results(total=0)
    assert search("notes", "apple", offset=9_990).hits == ()


def test_a_server_that_is_away_is_said_so(sandbox: RunningSandbox) -> None:
    sandbox.set_mode("manticore", "down")
    with pytest.raises(Unreachable):
        search("notes", "apple")
    sandbox.set_mode("manticore", "error")
    with pytest.raises(Unavailable):
        search("notes", "apple")


def test_a_wrong_column_is_a_refusal(writer: User) -> None:
    fill(writer, "apple")
    with pytest.raises(HandlerError, match="unsupported filter column"):
        search("notes", "apple", {"colour": 1})


# The demo's search box


@pytest.fixture
def page(writer: User, client: Client) -> Client:
    """The writer's browser."""
    client.force_login(writer)
    return client


def test_the_box_finds_ones_own_notes(page: Client, writer: User) -> None:
    fill(writer, "A quick brown fox", "Another thing")
    fill(User.objects.create_user("other"), "Their quick fox")
    answer = page.get("/", {"q": "quick fox"})
    assert [note.text for note in answer.context["page"]] == ["A quick brown fox"]
    assert "1 note found." in answer.content.decode()
    assert 'value="quick fox"' in answer.content.decode()


def test_the_box_shows_all_notes_where_nothing_was_asked(page: Client, writer: User) -> None:
    fill(writer, "One", "Two")
    answer = page.get("/", {"q": " "})
    assert answer.context["page"].paginator.count == 2
    assert 'role="search"' in answer.content.decode()


def test_a_query_that_means_nothing_shows_no_note(page: Client, writer: User) -> None:
    fill(writer, "One")
    answer = page.get("/", {"q": "🎉"})
    assert list(answer.context["page"]) == []
    assert "No note has all these words." in answer.content.decode()


def test_a_note_in_the_trash_is_not_found_even_before_the_index_knows(
    page: Client, writer: User, sandbox: RunningSandbox
) -> None:
    (note,) = fill(writer, "Secret plan")
    Note.objects.filter(pk=note.pk).update(deleted_at=datetime.now(UTC))  # tells nobody
    assert len(sandbox.documents("notes")) == 1
    assert list(page.get("/", {"q": "plan"}).context["page"]) == []


def test_more_than_a_page_can_be_paged_through(page: Client, writer: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "NOTES_A_PAGE", 2)
    fill(writer, *(f"apple {n}" for n in range(5)))
    pages = [page.get("/", {"q": "apple", "page": number}).context["page"] for number in (1, 2, 3)]
    assert [len(list(one)) for one in pages] == [2, 2, 1]
    assert len({note.pk for one in pages for note in one}) == 5
    assert 'href="?q=apple&amp;page=2"' in page.get("/", {"q": "apple"}).content.decode()


def test_notes_are_there_although_the_search_is_away(page: Client, writer: User, sandbox: RunningSandbox) -> None:
    fill(writer, "One")
    sandbox.set_mode("manticore", "down")
    answer = page.get("/", {"q": "one"})
    assert [note.text for note in answer.context["page"]] == ["One"]
    assert "The search is not available." in answer.content.decode()


def test_a_site_without_an_index_has_no_box(page: Client, settings: Any, index: Destination) -> None:
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "HANDLERS": {}}
    answer = page.get("/", {"q": "one"})
    assert 'role="search"' not in answer.content.decode()
