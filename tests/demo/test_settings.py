"""The demo site's settings from variables."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from project.settings import database, from_json


def test_an_unset_or_empty_variable_is_an_empty_object(monkeypatch: pytest.MonkeyPatch) -> None:
    assert from_json("NOT_SET_ANYWHERE") == {}
    monkeypatch.setenv("FIGURES", "")
    assert from_json("FIGURES") == {}


def test_destinations_that_are_not_json_are_refused_without_printing_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DESTINATIONS", '{"news": {"SECRET": 110:token}}')
    with pytest.raises(ImproperlyConfigured, match="DESTINATIONS is not JSON") as caught:
        from_json("DESTINATIONS")
    assert "token" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_list_instead_of_an_object_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESTINATIONS", "[]")
    with pytest.raises(ImproperlyConfigured, match="must be a JSON object"):
        from_json("DESTINATIONS")


def test_sqlite_gets_wal_and_immediate_transactions() -> None:
    options = database("sqlite:////somewhere/notes.sqlite3")["OPTIONS"]
    assert options["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in options["init_command"]


def test_other_databases_get_no_options_of_sqlite() -> None:
    assert "OPTIONS" not in database("postgres://notes:secret@db.example.org/notes")
