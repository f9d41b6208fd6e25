"""What demo-check makes of the sandbox's log."""

from typing import Any

from project.demo_check.judge import judge


def entry(text: str, *, method: str = "sendMessage", **facts: Any) -> dict[str, Any]:
    return {
        "method": method,
        "chat": "@news",
        "params": {"text": text},
        "stored": True,
        "answered": True,
        **facts,
    }


def test_a_note_posted_twice_to_a_channel_is_named() -> None:
    verdict = judge([entry("Note 3: a"), entry("Note 3: b", answered=False), entry("Note 30: a")])
    assert verdict.doubled == (("@news", 3),)
    assert verdict.unanswered_count == 1


def test_edits_refusals_and_other_channels_are_no_doubles() -> None:
    log = [
        entry("Note 3: a"),
        entry("Note 3: b", method="editMessageText"),
        entry("Note 3: a", stored=False),
        entry("Note 3: a", chat="@tagged"),
    ]
    verdict = judge(log)
    assert verdict.doubled == ()
    assert (verdict.created_count, verdict.stored_count, verdict.request_count) == (2, 3, 4)


def test_a_document_counts_by_its_caption() -> None:
    document = entry("", method="sendDocument") | {"params": {"caption": "Note 3: long"}}
    assert judge([document, entry("Note 3: long")]).doubled == (("@news", 3),)
