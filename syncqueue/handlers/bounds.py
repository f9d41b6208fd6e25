"""How much of a document is taken on at all, and how much of it a parser reads. Pure.

Rendering is linear in the length of a text, so these bound its time and memory, for whatever a person writes:
docs/security.md has the figures. What is beyond a bound cannot be posted anyway.
"""

from __future__ import annotations

from syncqueue.handlers.base import Document
from syncqueue.handlers.media import Media

# Of all that a document says. A book has a million.
MOST_CHARACTERS = 1_000_000
MOST_TAGS = MOST_MEDIA = 1000
# Of a text that is read as Markdown, drawn, or divided into statuses. Every shape of it takes less than a second.
READ_CHARACTERS = 50_000


def refusal(document: Document) -> str:
    """Return why a document is not synced at all, for people; "" for one that is."""
    texts = [value for value in document.fields.values() if isinstance(value, str)]
    texts += [document.text, document.title, document.url, *document.tags]
    for item in document.media:
        texts += [item.identity, item.alt, item.name] if isinstance(item, Media) else [item]
    over = []
    if (count := sum(map(len, texts))) > MOST_CHARACTERS:
        over.append(f"{count:,} characters (at most {MOST_CHARACTERS:,})")
    if (count := len(document.tags)) > MOST_TAGS:
        over.append(f"{count:,} tags (at most {MOST_TAGS:,})")
    if (count := len(document.media)) > MOST_MEDIA:
        over.append(f"{count:,} pictures and other media (at most {MOST_MEDIA:,})")
    return f"It is too large to be synced: {', '.join(over)}." if over else ""
