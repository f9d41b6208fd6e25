"""Secrets: written so that only this site reads them, read with the keys of before, never shown."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from syncqueue.core.errors import SecretError
from syncqueue.models import Destination
from syncqueue.secrets import REDACTED, RedactSecrets, decrypt, encrypt, redact

TOKEN = "123456789:AAF-a_token_of_telegram_has_this_form"
SECRET = {"token": TOKEN, "other": "ünïcode"}


def test_what_is_written_is_read_again() -> None:
    assert decrypt(encrypt(SECRET)) == SECRET


def test_what_is_written_shows_nothing_and_differs_each_time() -> None:
    first, second = encrypt(SECRET), encrypt(SECRET)
    assert first != second
    assert "token" not in first


def test_after_a_change_of_secret_key_the_old_one_as_a_fallback_still_reads(settings: Any) -> None:
    written = encrypt(SECRET)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", [settings.SECRET_KEY]
    assert decrypt(written) == SECRET


def test_what_is_written_after_the_change_needs_the_new_key_alone(settings: Any) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", [settings.SECRET_KEY]
    written = encrypt(SECRET)
    settings.SECRET_KEY_FALLBACKS = []
    assert decrypt(written) == SECRET


def test_encryption_keys_stand_in_for_secret_key(settings: Any) -> None:
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "ENCRYPTION_KEYS": ["own"]}
    written = encrypt(SECRET)
    settings.SECRET_KEY = "new"
    assert decrypt(written) == SECRET


def test_the_first_encryption_key_writes_and_all_read(settings: Any) -> None:
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "ENCRYPTION_KEYS": ["old"]}
    old = encrypt(SECRET)
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "ENCRYPTION_KEYS": ["new", "old"]}
    new = encrypt(SECRET)
    assert decrypt(old) == SECRET
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "ENCRYPTION_KEYS": ["new"]}
    assert decrypt(new) == SECRET
    with pytest.raises(SecretError):
        decrypt(old)


@pytest.mark.parametrize("text", ["", "nonsense", "gAAAAAB" + "x" * 60])
def test_what_was_not_written_here_is_refused_in_words(text: str) -> None:
    with pytest.raises(SecretError, match="SECRET_KEY_FALLBACKS"):
        decrypt(text)


def test_the_wrong_key_fails_closed_naming_the_settings_and_no_secret(settings: Any) -> None:
    written = encrypt(SECRET)
    settings.SECRET_KEY = "new"
    with pytest.raises(SecretError) as caught:
        decrypt(written)
    for word in ("SECRET_KEY_FALLBACKS", "ENCRYPTION_KEYS", "enter the secret again"):
        assert word in str(caught.value)
    assert written not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_destination_keeps_its_secret_encrypted() -> None:
    row = Destination(name="News", service="telegram")
    row.secret = SECRET
    assert TOKEN not in str(vars(row))
    assert row.secret == SECRET
    row.secret = {}
    assert (row.secret_text, row.secret) == ("", {})


@pytest.mark.parametrize(
    "text",
    [
        f"POST https://api.telegram.org/bot{TOKEN}/sendMessage",
        f"token={TOKEN}, again {TOKEN}",
        "Authorization: Bearer abcdefgh12345678",
        "authorization: bearer abcdefgh12345678==",
    ],
)
def test_tokens_are_taken_out_of_a_text(text: str) -> None:
    cleaned = redact(text)
    assert REDACTED in cleaned
    assert TOKEN not in cleaned
    assert "12345678" not in cleaned


@pytest.mark.parametrize("text", ["Note 42 at 12:03:07", "127.0.0.1:6379", "notes.note:12345678", ""])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


class TestLogging:
    """The filter."""

    @pytest.fixture
    def logger(self) -> logging.Logger:
        logger = logging.Logger("a test's own")
        logger.addFilter(RedactSecrets())
        return logger

    @pytest.fixture
    def lines(self, logger: logging.Logger) -> list[str]:
        found: list[str] = []

        class Keep(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                found.append(self.format(record))

        logger.addHandler(Keep())
        return found

    def test_takes_tokens_out_of_messages_and_arguments(self, logger: logging.Logger, lines: list[str]) -> None:
        logger.warning("Calling %s", f"https://api.telegram.org/bot{TOKEN}/getMe")
        assert lines == [f"Calling https://api.telegram.org/bot{REDACTED}/getMe"]

    def test_takes_tokens_out_of_tracebacks(self, logger: logging.Logger, lines: list[str]) -> None:
        try:
            raise RuntimeError(f"refused {TOKEN}")
        except RuntimeError:
            logger.exception("Failed")
        assert "RuntimeError: refused" in lines[0]
        assert TOKEN not in lines[0]

    def test_lets_everything_else_pass(self, logger: logging.Logger, lines: list[str]) -> None:
        logger.warning("Note %d: %s", 42, "synced")
        assert lines == ["Note 42: synced"]
