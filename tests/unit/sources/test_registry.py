"""Registering models: what is found for a class, and what is refused in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, User

import syncqueue
from project.notes.models import Note, Tag
from project.notes.sync_sources import NoteSync
from syncqueue.core.errors import ConfigurationError
from syncqueue.sources.registry import ModelSync, all_sources, register, source_by_label, source_for, unregister


class ProxyNote(Note):
    """The same table under another name."""

    class Meta:
        app_label = "notes"
        proxy = True


class Plain(ModelSync):
    """A source with nothing said."""


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    """What a test registered is forgotten."""
    yield
    for model in (Tag, User, Group):
        unregister(model)


def test_the_sites_own_sources_were_found() -> None:
    assert isinstance(source_for(Note), NoteSync)
    assert source_by_label("notes.note") is source_for(Note)
    assert [type(source) for source in all_sources()] == [NoteSync]


def test_a_proxy_is_its_models_object() -> None:
    source = source_for(ProxyNote)
    assert source is source_for(Note)
    assert source is not None
    assert source.label == "notes.note"


def test_what_is_not_registered_has_no_source() -> None:
    assert source_for(Tag) is None
    assert source_by_label("notes.tag") is None
    assert source_by_label("no.such") is None
    assert source_by_label("nonsense") is None


def test_several_models_may_share_a_class() -> None:
    assert register(Tag, Group)(Plain) is Plain
    assert isinstance(source_for(Tag), Plain)
    assert source_for(Tag) is not source_for(Group)


def test_a_second_claim_on_a_model_is_refused_naming_the_first() -> None:
    with pytest.raises(ConfigurationError, match=r"notes\.Note is registered already, by NoteSync"):
        register(Note)(Plain)


def test_a_proxy_counts_as_its_model() -> None:
    with pytest.raises(ConfigurationError, match="registered already"):
        register(ProxyNote)(Plain)


@pytest.mark.parametrize("models", [(), ("notes.Note",), (Note, 5), (object,)])
def test_anything_but_models_is_refused_with_what_to_write(models: tuple[Any, ...]) -> None:
    with pytest.raises(ConfigurationError, match=r"@syncqueue\.register\(Note\)"):
        register(*models)


@pytest.mark.parametrize("attribute", ["created_field", "changed_field"])
def test_a_field_that_does_not_exist_is_refused_by_name(attribute: str) -> None:
    wrong = type("Wrong", (ModelSync,), {attribute: "changed_on"})
    with pytest.raises(ConfigurationError, match=rf"Wrong\.{attribute} is 'changed_on', but notes\.Tag has no such"):
        register(Tag)(wrong)
    assert source_for(Tag) is None


def test_a_source_without_document_says_what_to_define() -> None:
    with pytest.raises(ConfigurationError, match=r"Plain must define document\(self, obj\)"):
        Plain(Note).document(Note())


def test_the_public_names_are_those_of_the_registry() -> None:
    assert (syncqueue.register, syncqueue.ModelSync) == (register, ModelSync)
