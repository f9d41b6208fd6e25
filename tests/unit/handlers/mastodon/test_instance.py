"""What instances say of themselves."""

from __future__ import annotations

import pytest

from syncqueue.handlers.mastodon.instance import Limits, read_limits


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
