"""Links from note to note at the edges of a text go; all others stay."""

from __future__ import annotations

import pytest

from syncqueue import strip_internal_links


def is_internal(target: str) -> bool:
    return target.startswith(("/notes/", "https://notes.example/"))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("[before](/notes/1) A story.", "A story."),
        ("A story.\n\n[next](/notes/2)", "A story."),
        ("A story.\n- [one](/notes/1)\n- [two](/notes/2)", "A story."),
        ("https://notes.example/1 A story.", "A story."),
        ("A story. <https://notes.example/1>", "A story."),
        ('A story. [next](/notes/2 "the next one")', "A story."),
        ("[only](/notes/1)", ""),
        ("", ""),
    ],
)
def test_links_to_other_notes_at_the_start_and_end_are_taken_away(text: str, left: str) -> None:
    assert strip_internal_links(text, is_internal) == left


@pytest.mark.parametrize(
    "text",
    [
        "See [this](/notes/1) for more.",
        "A story. [elsewhere](https://other.example/1)",
        "https://other.example/1 A story.",
        "A picture. ![view](/notes/1)",
        "[before](/notes/1)and no space",
        "A story without links.",
    ],
)
def test_links_amid_the_text_links_to_elsewhere_and_pictures_stay(text: str) -> None:
    assert strip_internal_links(text, is_internal) == text
