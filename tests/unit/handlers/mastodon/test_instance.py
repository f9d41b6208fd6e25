"""What instances say of themselves."""

from __future__ import annotations

import pytest

from syncqueue.handlers.mastodon.instance import (
    MOST_CHARACTERS,
    MOST_URL_CHARACTERS,
    Limits,
    read_instance,
    read_limits,
)


def test_the_figures_of_an_instance_are_taken() -> None:
    description = {
        "configuration": {
            "statuses": {"max_characters": 5000, "characters_reserved_per_url": 30, "max_media_attachments": 2},
            "media_attachments": {"image_size_limit": 1_000_000, "description_limit": 400},
        }
    }
    assert read_limits(description) == Limits(
        characters=5000, url_characters=30, pictures=2, picture_bytes=1_000_000, alt_characters=400
    )


@pytest.mark.parametrize(
    "description", [None, [], "x", {}, {"configuration": None}, {"configuration": {"statuses": []}}]
)
def test_where_it_says_nothing_mastodons_own_figures_hold(description: object) -> None:
    assert read_limits(description) == Limits(characters=500, url_characters=23, pictures=4)


@pytest.mark.parametrize("figure", [0, -1, "500", None, True, 1.5])
def test_a_figure_that_is_none_is_not_taken(figure: object) -> None:
    assert read_limits({"configuration": {"statuses": {"max_characters": figure}}}).characters == 500


def test_pleroma_names_its_limit_elsewhere_and_counts_urls_in_full() -> None:
    assert read_limits({"max_toot_chars": 9000}) == Limits(characters=9000, url_characters=None)


def test_there_is_an_end_to_what_is_attached() -> None:
    described = {"statuses": {"max_media_attachments": 99}, "media_attachments": {"image_size_limit": 10**12}}
    limits = read_limits({"configuration": described})
    assert (limits.pictures, limits.picture_bytes) == (4, 16 * 1024 * 1024)


def test_no_figure_of_an_instance_makes_work_without_bounds() -> None:
    described = {"max_characters": 10**9, "characters_reserved_per_url": 10**9}
    limits = read_limits({"configuration": {"statuses": described}})
    assert (limits.characters, limits.url_characters) == (MOST_CHARACTERS, MOST_URL_CHARACTERS)
    assert read_limits({"max_toot_chars": 10**9}).characters == MOST_CHARACTERS


@pytest.mark.parametrize("version", ["4.5.0", "3.5.3", "4.3.0+glitch", "4.4.0-beta.1"])
def test_mastodon_and_its_forks_are_trusted_to_keep_what_mastodon_keeps(version: str) -> None:
    found = read_instance({"version": version})
    assert (found.keeps_visibility, found.keeps_keys, found.lists_private, found.limits.is_strict) == (
        True, True, True, False
    )  # fmt: skip


@pytest.mark.parametrize(
    "description",
    [{"version": "takahe/0.11.0"}, {"version": "0.11.0"}, {"version": "2.7.2 (compatible; Pleroma 2.9)"}, {}, None, []],
)
def test_what_is_not_known_to_keep_the_visibility_is_not_trusted_with_it(description: object) -> None:
    found = read_instance(description)
    assert (found.keeps_visibility, found.keeps_keys, found.lists_private) == (False, False, False)


def test_gotosocial_keeps_the_visibility_and_counts_strictly() -> None:
    url = "https://codeberg.org/superseriousbusiness/gotosocial"
    found = read_instance({"version": "0.20.0+git-f85ad1e", "source_url": url})
    assert (found.keeps_visibility, found.keeps_keys, found.limits.is_strict) == (True, False, True)
