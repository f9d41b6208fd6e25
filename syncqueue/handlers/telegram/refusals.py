"""The meaning of the texts of refused requests: the table of Telegram's responses. Pure.

The texts are those of the Bot API server and of TDLib; those in capitals come from Telegram's own servers and
are passed through. Sources: https://github.com/tdlib/telegram-bot-api (Client.cpp), https://github.com/tdlib/td, and
https://core.telegram.org/api/errors. All are compared without regard to letter case.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Refusal(StrEnum):
    """The kinds of refused requests (400), by what can be done."""

    NOT_MODIFIED = "not modified"  # an edit that changes nothing
    GONE = "gone"  # the message does not exist any more
    UNDELETABLE = "undeletable"  # too old, or not a message of the bot
    UNEDITABLE = "uneditable"  # not a message of the bot, or a service message
    NO_TEXT = "no text"  # the message is a file
    NO_CAPTION = "no caption"  # the message is a text
    ALBUM = "album"  # a message of an album stays a photo or video, or a file
    ENTITIES = "entities"  # the formatting is refused, not the text
    FORM = "form"  # files (or photos ...) are refused there; texts may be accepted
    BLANK = "blank"  # nothing of the text is visible
    CONTENT = "content"  # the text or file itself is refused
    PLACE = "place"  # every message to that chat is refused until a person changes something
    UNKNOWN = "unknown"  # none of these texts


# In this order: the first match counts.
_WORDS: tuple[tuple[Refusal, str], ...] = (
    (Refusal.NOT_MODIFIED, r"message is not modified|message_not_modified"),
    (Refusal.GONE, r"message to (?:edit|delete) not found|message not found|\b(?:message|msg)_id_invalid"),
    (Refusal.UNDELETABLE, r"message can't be deleted|message_delete_forbidden"),
    (Refusal.UNEDITABLE, r"message can't be edited|message_author_required|message_edit_time_expired"),
    (Refusal.NO_TEXT, r"there is no text in the message to edit"),
    (
        Refusal.NO_CAPTION,
        r"there is no caption in the message to edit|there is no media in the message to edit"
        r"|message media can't be edited",
    ),
    (Refusal.ALBUM, r"can't be used in an album|can't change media type in the album"),
    (
        Refusal.ENTITIES,
        r"can't parse (?:message)?entit|entity url '|entity (?:begins|beginning)|receive an entity with incorrect"
        r"|\bentity_|\bentities_",
    ),
    (Refusal.FORM, r"not enough rights to send (?!text)|\bchat_send_(?!plain|guest)[a-z]+_forbidden"),
    (Refusal.BLANK, r"text must be non-empty|message must be non-empty|message text is empty|message_empty"),
    (
        Refusal.CONTENT,
        r"(?:message|caption|text) is too long|message_too_long|media_caption_too_long|must be encoded in utf-8"
        r"|file must be non-empty|is too big|\bfile_|wrong file|wrong type of"
        r"|no messages to send|too many messages to send|can't be mixed with other media"
        r"|image_process_failed|photo_|video_|document_invalid|\bmedia_|webpage_|wrong http url|failed to get http url"
        r"|can't parse|can't upload|object expected|unsupported parse_mode|there is no \w+ in the request"
        r"|message to be replied not found|replied message not found|random_id_duplicate",
    ),
    (
        Refusal.PLACE,
        r"chat not found|chat_id is empty|not enough rights|no rights to send|no write access|can't access the chat"
        r"|administrator rights|bot is not a member|bot was (?:kicked|blocked)|user is deactivated|chat is deactivated"
        r"|group chat was|\bchat_|\bchannel_|\bpeer_|\buser_|\binput_user|\bfrozen_|\btopic_|\bforum_"
        r"|message thread not found|not a forum|topic must be specified|topic not found"
        r"|payment_required|allow_payment|not enough stars|stars|\bprivacy_|premium",
    ),
)
_PATTERNS = tuple((why, re.compile(words, re.IGNORECASE)) for why, words in _WORDS)
# Refusals of a create because of its content. All others concern the place: a list of the texts
# about places would never be complete, and an unknown one would fail note after note.
_ABOUT_CONTENT = frozenset({Refusal.ENTITIES, Refusal.FORM, Refusal.BLANK, Refusal.CONTENT})

READ_CHARACTERS = 2000  # maximum length that is examined; Telegram's texts have one line

# The text of a 500 that fails before anything is done. With other texts, the server may have passed the message on.
SERVER_ERROR = "internal server error"


def read_refusal(words: str, *, creates: bool) -> Refusal:
    """Return the meaning of a 400 by its text. `creates`: the request would have created something."""
    words = words[:READ_CHARACTERS]
    why = next((why for why, pattern in _PATTERNS if pattern.search(words)), Refusal.UNKNOWN)
    return why if not creates or why in _ABOUT_CONTENT else Refusal.PLACE


def may_be_out(words: str) -> bool:
    """Return whether a message may have been sent although the server returned 500: "Request aborted", "restart", ...

    A 500 without such a text means that the server failed before it did anything.
    """
    return words.strip().rstrip(":").casefold() != SERVER_ERROR
