"""Upper limits for documents, and for the text that a parser reads. Pure.

Rendering is linear in the length of a text, so these limits bound its time and memory whatever a person writes:
docs/security.md has the figures. No service accepts documents beyond them.
"""

from __future__ import annotations

from syncqueue.handlers.base import Document
from syncqueue.handlers.media import Media

# Maximum total of all texts of a document. A book has a million characters.
MOST_CHARACTERS = 1_000_000
MOST_TAGS = MOST_MEDIA = 1000
# Maximum length of a text that is parsed as Markdown, drawn, or divided into statuses: each takes less than a second.
READ_CHARACTERS = 50_000


def refusal(document: Document) -> str:
    """Return why a document is too large to be synced, for people; "" if it is not."""
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
