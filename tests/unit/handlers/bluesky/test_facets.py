"""Links, tags and mentions: what is found, and where it stands in the UTF-8 of the text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncqueue.handlers.bluesky.facets import facets_of, find, handles_in, is_sound

DIDS = {"ada.example.org": "did:plc:ada"}


def shown(text: str) -> list[tuple[str, str]]:
    """What each facet covers, and where it leads."""
    found = []
    for facet in facets_of(text, DIDS):
        (feature,) = facet["features"]
        start, end = facet["index"]["byteStart"], facet["index"]["byteEnd"]
        leads = next(value for name, value in feature.items() if name != "$type")
        found.append((text.encode()[start:end].decode(), leads))
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("See https://a.example/x.", ["https://a.example/x"]),
        ("(https://a.example/x_(y))", ["https://a.example/x_(y)"]),
        ("中文https is no link, 中文 https://a.example/中文。", ["https://a.example/中文"]),
        ("<https://a.example> “https://b.example”", ["https://a.example", "https://b.example"]),
        ("https://a.example/#tag @ada.example.org@far.example", ["https://a.example/#tag"]),
        ("ftp://a.example http:// https://", []),
    ],
)
def test_links_end_where_a_reader_would_end_them(text: str, expected: list[str]) -> None:
    assert [one.value for one in find(text) if one.kind == "link"] == expected


def test_offsets_are_bytes() -> None:
    text = "🎉 日本語 #日本 for @Ada.example.org at https://a.example/ü!"
    assert shown(text) == [
        ("#日本", "日本"),
        ("@Ada.example.org", "did:plc:ada"),
        ("https://a.example/ü", "https://a.example/ü"),
    ]


def test_a_mention_that_leads_nowhere_stays_words() -> None:
    assert shown("@nobody.example.org and me@ada.example.org") == []
    assert handles_in("@nobody.example.org @ada.example.org @nobody.example.org @short") == [
        "nobody.example.org", "ada.example.org",
    ]  # fmt: skip


def test_a_number_and_what_is_too_long_are_no_tags() -> None:
    assert shown(f"#1 #{'a' * 65} a#b ##c") == []
    assert shown(f"#{'a' * 64}") == [(f"#{'a' * 64}", "a" * 64)]


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from("a#@.:/ \n中🎉é-1https")))
def test_whatever_the_text_facets_are_in_order_apart_and_between_characters(text: str) -> None:
    facets = facets_of(text, DIDS)
    ends = [0, *(facet["index"]["byteEnd"] for facet in facets)]
    assert all(facet["index"]["byteStart"] >= end for facet, end in zip(facets, ends, strict=False))
    assert all(is_sound(facet, text) for facet in facets)


@pytest.mark.parametrize(("start", "end"), [(0, 99), (3, 3), (5, 4), (1, 4), (0, 2)])
def test_what_is_behind_the_text_empty_or_inside_of_a_character_is_not_sound(start: int, end: int) -> None:
    assert not is_sound({"index": {"byteStart": start, "byteEnd": end}}, "中文")
    assert is_sound({"index": {"byteStart": 0, "byteEnd": 3}}, "中文")
