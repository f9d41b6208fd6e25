"""What a Document takes, and what it refuses in words."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse_lazy
from django.utils.functional import lazystr

from syncqueue import Document


def test_lazy_texts_are_taken_as_texts_in_every_field() -> None:
    lazy = lazystr("lazy")
    document = Document(text=lazy, title=lazy, url=lazy, tags=(lazy, "tea"), media=[lazy], fields={"a": lazy, "b": 1})  # type: ignore[arg-type]
    assert (document.text, document.title, document.url) == ("lazy", "lazy", "lazy")
    assert (document.tags, document.media, document.fields) == (("lazy", "tea"), ("lazy",), {"a": "lazy", "b": 1})
    assert {type(document.text), type(document.url), type(document.tags[0]), type(document.fields["a"])} == {str}


def test_a_lazy_url_is_taken() -> None:
    document = Document(text="", url=reverse_lazy("admin:index"))  # type: ignore[arg-type]
    assert document.url == "/admin/"


def test_no_url_and_no_title_may_be_none() -> None:
    document = Document(text="1", url=None, title=None)  # type: ignore[arg-type]
    assert (document.url, document.title) == ("", "")


def test_a_generator_of_tags_is_not_empty_afterwards() -> None:
    assert Document(text="", tags=(name for name in ("a", "b"))).tags == ("a", "b")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"text": None}, "Document.text: expected a text, got NoneType"),
        ({"text": 5}, "Document.text: expected a text, got int"),
        ({"title": 5}, "Document.title: expected a text, got int"),
        ({"url": ("a",)}, "Document.url: expected a text, got tuple"),
        ({"tags": None}, "Document.tags: expected a tuple of texts, got None"),
        ({"tags": "tea"}, "Document.tags: expected a tuple of texts, got 'tea'"),
        ({"media": [None]}, r"Document.media: expected a tuple of texts or Media, got \(None,\)"),
        ({"is_private": None}, "Document.is_private: expected True or False, got None"),
        ({"format": "html"}, "Document.format: expected 'plain' or 'markdown', got 'html'"),
        ({"fields": ["a"]}, "Document.fields: expected a dict with names as keys"),
        ({"fields": {1: "a"}}, "Document.fields: expected a dict with names as keys"),
    ],
)
def test_what_no_handler_could_use_is_refused_by_the_name_of_the_field(values: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Document(**{"text": "", **values})
