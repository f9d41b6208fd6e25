"""Keys of posts: the time in them, and whose they are."""

from __future__ import annotations

from syncqueue.handlers.bluesky.tid import CLOCK, created_at, is_ours, microseconds_of, new_tid, tid_of


def test_a_key_has_thirteen_characters_and_holds_its_microsecond() -> None:
    key = tid_of(1_795_990_877_123_456)
    assert len(key) == 13
    assert microseconds_of(key) == 1_795_990_877_123_456
    assert created_at(key) == "2026-11-29T22:21:17.123456Z"


def test_keys_are_in_the_order_of_their_time_and_never_the_same() -> None:
    keys = [new_tid() for _ in range(2000)]
    assert len(set(keys)) == 2000
    assert keys == sorted(keys)
    assert len({created_at(key) for key in keys}) == 2000


def test_a_key_tells_whether_it_was_made_here() -> None:
    assert is_ours(new_tid())
    assert not is_ours(tid_of(1_795_990_877_123_456, clock=CLOCK + 1))


def test_what_is_no_key_holds_no_time() -> None:
    for text in ("", "3lbbbbbbbbb2", "0lbbbbbbbbb22", "zlbbbbbbbbb22", "self", "3lbbbbbbbbb222"):
        assert microseconds_of(text) is None
        assert not is_ours(text)
