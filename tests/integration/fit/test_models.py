"""Models as sites build them: what a save, an edit and a delete of each come to in the channel."""

from __future__ import annotations

import pytest

import syncqueue
from project.sandbox.testing import RunningSandbox
from syncqueue.models import Destination, SyncRecord
from tests.fitapp.models import Article, Historic, Keyed, Owned, Page, Plain, PlainProxy, Soft, TenantManager
from tests.integration.sync.scene import texts, work

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("channel")]


def test_a_uuid_key_is_kept_as_text_and_found_again(sandbox: RunningSandbox) -> None:
    made = Keyed.objects.create(text="By UUID")
    made.text = "Edited"
    made.save()

    assert texts(sandbox) == ["Edited"]
    assert SyncRecord.objects.get().object_pk == str(made.pk)
    made.delete()
    assert texts(sandbox) == []


def test_a_row_of_history_is_no_object_of_its_own(sandbox: RunningSandbox) -> None:
    made = Historic.objects.create(text="First")
    made.text = "Second"
    made.save()

    assert texts(sandbox) == ["Second"]
    assert made.history.count() == 2
    assert SyncRecord.objects.count() == 1


def test_going_back_in_history_edits_the_copy(sandbox: RunningSandbox) -> None:
    made = Historic.objects.create(text="First")
    made.text = "Second"
    made.save()

    made.history.earliest().instance.save()

    assert texts(sandbox) == ["First"]


def test_what_is_deleted_softly_leaves_the_channel_and_comes_back_undeleted(sandbox: RunningSandbox) -> None:
    made = Soft.objects.create(text="Soft")
    assert texts(sandbox) == ["Soft"]

    made.delete()
    assert texts(sandbox) == []
    assert Soft.all_objects.count() == 1

    made.undelete()
    assert texts(sandbox) == ["Soft"]


def test_a_soft_delete_reaches_the_channel_through_the_queue_too(sandbox: RunningSandbox) -> None:
    made = Soft.objects.create(text="Soft")
    with syncqueue.queued():
        made.delete()
    work()

    assert texts(sandbox) == []


def test_a_proxy_is_the_object_of_its_table(sandbox: RunningSandbox) -> None:
    made = PlainProxy.objects.create(text="By another name")
    same = Plain.objects.get(pk=made.pk)
    same.text = "By its own name"
    same.save()

    assert texts(sandbox) == ["By its own name"]
    assert SyncRecord.objects.get().source == "fitapp.plain"


def test_a_row_of_two_tables_is_one_object_of_the_registered_one(sandbox: RunningSandbox) -> None:
    article = Article.objects.create(text="Of two tables", lead="A lead")
    page = Page.objects.get(pk=article.pk)
    page.text = "Saved as a page"
    page.save()

    assert texts(sandbox) == ["Saved as a page"]
    assert SyncRecord.objects.get().source == "fitapp.page"
    article.delete()
    assert texts(sandbox) == []


def test_a_manager_that_filters_makes_no_object_look_gone(
    sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TenantManager, "tenant", "north")
    made = Owned(tenant="north", text="Of the north")
    with syncqueue.queued():
        made.save()
    monkeypatch.setattr(TenantManager, "tenant", "south")  # as the worker, whom no tenant asks
    assert not Owned.objects.exists()
    work()

    assert texts(sandbox) == ["Of the north"]


def test_every_model_is_told_of_in_words(channel: Destination) -> None:
    made = Keyed.objects.create(text="By UUID")

    (sentence,) = syncqueue.explain(made)
    assert str(sentence).startswith("@news: has been up to date since")
