"""Bounds and moves of message entities, and their rendering for readers."""

import pytest

from project.sandbox.telegram.entities import checked_entities, trimmed, utf16_length
from project.sandbox.telegram.errors import BotError
from project.sandbox.telegram.page import formatted


def bold(offset: int, length: int) -> dict:
    return {"type": "bold", "offset": offset, "length": length}


def test_length_is_counted_in_utf16_units():
    assert utf16_length("aä€😀") == 5


def test_white_space_at_the_ends_goes_and_entities_move_along():
    assert trimmed("  ab cd \n", [bold(0, 4), bold(5, 4), bold(7, 2)]) == ("ab cd", [bold(0, 2), bold(3, 2)])


def test_empty_entities_are_dropped_and_outer_ones_come_first():
    assert checked_entities("abc", [bold(1, 1), bold(0, 0), bold(0, 3)]) == [bold(0, 3), bold(1, 1)]


@pytest.mark.parametrize(
    "given", [[bold(3, 1)], [bold(0, 4)], [bold(-1, 1)], [{"type": "bold"}], ["bold"], {"type": "bold"}]
)
def test_wrong_entities_are_refused(given):
    with pytest.raises(BotError):
        checked_entities("abc", given)


def test_nested_spans_are_nested_in_html():
    html = formatted("a < b", [bold(0, 5), {"type": "italic", "offset": 2, "length": 1}])
    assert html == "<strong>a <em>&lt;</em> b</strong>"


def test_a_span_that_crosses_anothers_border_is_cut_there():
    html = formatted("abcd", [bold(0, 2), {"type": "italic", "offset": 1, "length": 3}])
    assert html == "<strong>a<em>b</em></strong>cd"


def test_links_and_hashtags_are_found_outside_code():
    html = formatted("see https://e.org/x. #tag #1 #code", [{"type": "code", "offset": 29, "length": 5}])
    assert 'href="https://e.org/x"' in html
    assert '<span class="entity-hashtag">#tag</span> #1 <code>#code</code>' in html


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//e.org", ""])
def test_only_harmless_addresses_become_links(url):
    assert "href" not in formatted("x", [{"type": "text_link", "offset": 0, "length": 1, "url": url}])
