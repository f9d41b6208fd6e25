"""Registrations are checked as strictly as settings, and say what was meant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from django.core.checks import run_checks
from django.db import models

from project.notes.models import Note, Tag
from syncqueue import checks
from syncqueue.core.errors import ConfigurationError
from syncqueue.sources.registry import ModelSync, register, unregister


class Composite(models.Model):
    """Its key has two columns."""

    pk = models.CompositePrimaryKey("one", "two")
    one = models.IntegerField()
    two = models.IntegerField()

    class Meta:
        app_label = "odd"


class Abstract(models.Model):
    """No table."""

    class Meta:
        abstract = True


class Long(models.Model):
    """A key that is longer than what a record holds."""

    id = models.CharField(primary_key=True, max_length=255)

    class Meta:
        app_label = "odd"


class LongChild(Long):
    """A second table with such a key."""

    class Meta:
        app_label = "odd"


class Endless(models.Model):
    """A key without a bound."""

    id = models.TextField(primary_key=True)

    class Meta:
        app_label = "odd"


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    """What a test registered is forgotten."""
    yield
    for model in (Tag, Composite, Long, LongChild, Endless):
        unregister(model)


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (Composite, "odd.Composite has a composite primary key"),
        (Abstract, "Abstract is abstract and has no table"),
        (Long, "a primary key of up to 255 characters; a record holds 200. Set max_length=200"),
        (LongChild, "a primary key of up to 255 characters"),
        (Endless, "a primary key of up to any number of characters"),
    ],
)
def test_a_model_whose_key_a_record_cannot_hold_is_refused(model: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        register(model)(type("OddSync", (ModelSync,), {}))


@pytest.mark.parametrize(
    ("attributes", "says"),
    [
        (
            {"create_field": "created_at"},
            "TagSync.create_field is nothing that syncqueue knows. Did you mean 'crea",
        ),
        ({"changed_fields": "updated_at"}, "Did you mean 'changed_field'?"),
        ({"watched": ("name",)}, "Did you mean 'watch'?"),
        ({"documents": lambda self, obj: None}, "Did you mean 'document'?"),
        ({"existing_remotes": lambda self, obj, place: None}, "Did you mean 'existing_remote'?"),
        ({"created_field": "naem"}, "TagSync.created_field is 'naem', but notes.Tag has no such field. Did you mean"),
        ({"created_field": "name"}, "is 'name', which is a CharField; expected a DateTimeField, a DateField or a prop"),
        ({"changed_field": "name"}, "which is a CharField; expected a DateTimeField of its table"),
        ({"changed_field": 5}, "TagSync.changed_field is 5, but notes.Tag has no such field"),
        ({"watch": "name"}, "TagSync.watch: expected a tuple of field names, got 'name'"),
        (
            {"watch": ("name", "nmae")},
            "TagSync.watch has 'nmae', but notes.Tag has no such field. Did you mean 'name'?",
        ),
        ({"affected_by": {"notes.Note": lambda note: []}}, "has the key 'notes.Note'; expected a model class"),
        ({"affected_by": {Note: "tags"}}, r"TagSync.affected_by\[Note\]: expected a function from a Note to objects"),
        ({"affected_by": [Note]}, "TagSync.affected_by: expected a dict from models to functions, got list"),
        ({"prefetch": "notes"}, "TagSync.prefetch: expected a tuple of relations, got 'notes'"),
        ({"keeps": "manticore"}, "TagSync.keeps: expected a tuple of names of services, got 'manticore'"),
        ({"keeps": (1,)}, r"TagSync.keeps: expected a tuple of names of services, got \(1,\)"),
        ({"prefetch": ("nots",)}, "TagSync.prefetch has 'nots', but notes.Tag has no such relation"),
    ],
)
def test_what_is_misspelt_or_of_the_wrong_kind_is_refused(attributes: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        register(Tag)(type("TagSync", (ModelSync,), attributes))


def test_a_site_may_have_attributes_and_methods_of_its_own() -> None:
    class TagSync(ModelSync):
        LIMIT: ClassVar[int] = 5
        site_name = "news"

        def is_live_now(self, tag: Tag) -> bool:
            return True

        def owner_name(self, tag: Tag) -> str:
            return ""

        def _document(self, tag: Tag) -> str:
            return ""

    register(Tag)(TagSync)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        register(Tag)(type("TagSync", (ModelSync,), {"watch": ("nmae",), "create_field": "x"}))
    assert len(str(caught.value).splitlines()) == 2


def test_a_refused_registration_is_an_error_of_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "registration_problems", ["shop.sync_sources: ItemSync.watch has 'nmae', ..."])
    (message,) = [one for one in run_checks(tags=["syncqueue"]) if one.id == "syncqueue.E007"]
    assert "shop.sync_sources" in message.msg


def test_use_tz_must_be_on(settings: Any) -> None:
    settings.USE_TZ = False
    assert "syncqueue.E008" in [one.id for one in run_checks(tags=["syncqueue"])]
