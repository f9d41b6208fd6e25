"""Whatever one odd object does, all healthy ones go out once, the worker stays up, and the odd one is named."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import OperationalError, connection
from django.utils import timezone

import syncqueue
from syncqueue import services
from syncqueue.admin.attention import notices
from syncqueue.conf import get_settings
from syncqueue.core.clock import SYSTEM_CLOCK
from syncqueue.dispatch import immediate
from syncqueue.dispatch.gathering import note_changes
from syncqueue.models import Destination, RecordState, RefusedObject, SyncRecord, Walk, WalkKind
from syncqueue.sources import refusals, walk
from syncqueue.sources.intents import change_of, record_task_id
from syncqueue.sources.registry import source_for
from syncqueue.worker import upkeep
from syncqueue.worker.sweeper import sweep_source
from syncqueue.worker.worker import Worker
from tests.integration.sync.shelf import Shelf
from tests.oddapp.models import (
    Archived,
    Article,
    Book,
    Bookcase,
    Daily,
    Fragile,
    Hidden,
    Link,
    Memo,
    MemoProxy,
    Page,
    Topic,
    Undated,
    Writer,
    Written,
)
from tests.oddapp.sync_sources import BookSync, DailySync, TextSync, WrittenSync

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "archive"])

Texts = Callable[[], list[str]]


def work(**options: Any) -> None:
    """Let a worker do all that can be done now."""
    asyncio.run(Worker(burst=True, **options).run())


def reason_of(obj: Any) -> str:
    """Why nothing is recorded of an object."""
    return RefusedObject.objects.get(source=obj._meta.label_lower, object_pk=str(obj.pk)).reason


def make_due() -> None:
    """The time has come to ask again, for all refused objects."""
    RefusedObject.objects.update(due_at=timezone.now())


def raising(*texts: str) -> Callable[..., Any]:
    """A method that raises for objects with these texts."""

    def method(self: Any, obj: Any, *_: Any) -> Any:
        if obj.text in texts:
            raise LookupError(f"nothing is known of {obj.text}")
        return None

    return method


def test_an_owner_that_raises_for_one_object_keeps_no_other_back(texts: Texts, caplog: Any) -> None:
    ada = Writer.objects.create(name="Ada")
    Written.objects.bulk_create(
        [Written(text="1", author=ada), Written(text="Odd", author=None), Written(text="2", author=ada)]
    )
    Memo.objects.bulk_create([Memo(text="3")])
    odd = Written.objects.get(text="Odd")
    work()
    assert texts() == ["1", "2", "3"]
    assert "WrittenSync.owner() raised AttributeError: 'NoneType' object has no attribute 'name'" in reason_of(odd)
    assert f"oddapp.written:{odd.pk}" in caplog.text
    assert "WrittenSync.owner() raised AttributeError" in " ".join(notice.text for notice in notices([]))
    assert "could not be read" in str(syncqueue.explain(odd)[0])
    odd.author = ada
    odd.save()
    make_due()
    work()
    assert texts() == ["1", "2", "3", "Odd"]
    assert not RefusedObject.objects.exists()


def test_a_save_stands_when_the_owner_raises_and_the_object_is_asked_again(texts: Texts) -> None:
    written = Written.objects.create(text="Odd", author=None)
    assert "AttributeError" in reason_of(written)
    Written.objects.update(author=Writer.objects.create(name="Ada"))  # no signal, and no new changed_field
    make_due()
    work()
    assert texts() == ["Odd"]


def test_an_odd_object_is_asked_less_often_each_time(texts: Texts, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def owner(self: Any, obj: Written) -> None:
        asked.append(obj.text)
        raise LookupError

    monkeypatch.setattr(WrittenSync, "owner", owner)
    Written.objects.create(text="Odd")
    work()
    before = len(asked)
    work()
    work()
    assert len(asked) == before
    make_due()
    work()
    assert len(asked) == before + 1
    assert RefusedObject.objects.get().due_at > timezone.now() + timedelta(seconds=50)


@pytest.mark.parametrize("method", ["is_live", "document", "existing_remote"])
def test_what_raises_in_an_attempt_is_said_on_the_record_alone(
    texts: Texts, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = getattr(TextSync, method)
    monkeypatch.setattr(TextSync, method, lambda self, obj, *more: raising("Odd")(self, obj) or real(self, obj, *more))
    Memo.objects.bulk_create(Memo(text=text) for text in ("1", "Odd", "2"))
    syncqueue.sync_queryset(Memo.objects.all())
    work()
    assert texts() == ["1", "2"]
    odd = Memo.objects.get(text="Odd")
    record = SyncRecord.objects.get(object_pk=str(odd.pk))
    assert record.state == RecordState.WAITING
    assert f"oddapp.memo:{odd.pk}: TextSync." in record.error
    assert "LookupError: nothing is known of Odd" in record.error


@pytest.mark.parametrize("field", ["created_field", "changed_field"])
def test_a_field_that_is_a_property_may_raise(texts: Texts, field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def computed(obj: Memo) -> Any:
        if obj.text == "Odd":
            raise LookupError("no time is known")
        return obj.updated_at

    monkeypatch.setattr(Memo, "computed", property(computed), raising=False)
    monkeypatch.setattr(TextSync, "created_field", "computed")
    Memo.objects.bulk_create(Memo(text=text) for text in ("1", "Odd", "2"))
    work()
    assert texts() == ["1", "2"]
    assert "created_field ('computed') raised LookupError: no time is known" in reason_of(Memo.objects.get(text="Odd"))


def test_a_row_that_cannot_be_read_is_found_among_the_others(texts: Texts) -> None:
    Fragile.objects.bulk_create(Fragile(text=str(n)) for n in range(7))
    Fragile.objects.filter(text="3").update(value="v0")
    odd = Fragile.objects.filter(text="3").values_list("pk", flat=True).get()
    work()
    assert texts() == ["0", "1", "2", "4", "5", "6"]
    assert "the row cannot be read raised ValueError: a value of version 0" in (
        RefusedObject.objects.get(object_pk=str(odd)).reason
    )
    Fragile.objects.filter(pk=odd).update(value="v1")
    make_due()
    work()
    assert texts() == [str(n) for n in range(7)]


def test_a_row_that_cannot_be_read_any_more_fails_alone_in_its_attempt(texts: Texts) -> None:
    with syncqueue.queued():
        made = [Fragile.objects.create(text=str(n)) for n in range(6)]
    Fragile.objects.filter(pk=made[2].pk).update(value="v0")
    work()
    assert texts() == ["0", "1", "3", "4", "5"]
    assert "a value of version 0" in SyncRecord.objects.get(object_pk=str(made[2].pk)).error


def test_a_record_whose_key_is_no_key_any_more_fails_alone(texts: Texts, place: Destination) -> None:
    with syncqueue.queued():
        made = [Memo.objects.create(text=str(n)) for n in range(6)]
    # As after a migration of the key: the record says what is no key of the model any more.
    record = SyncRecord.objects.get(object_pk=str(made[0].pk))
    SyncRecord.objects.filter(pk=record.pk).update(object_pk="not-a-number")
    work()
    record.refresh_from_db()
    assert texts() == [str(n) for n in range(6)]  # the sweep has given the object a record of its own
    assert record.state == RecordState.FAILED
    assert record.error == (
        "oddapp.memo:not-a-number: 'not-a-number' is no key of oddapp.Memo, whose key is a BigAutoField."
    )
    view = syncqueue.get_queue("shelf").get(record_task_id(record.pk))
    assert view is not None
    assert view.state == "failed"


def test_a_prefetch_that_raises_for_one_object_fails_that_one(texts: Texts, monkeypatch: pytest.MonkeyPatch) -> None:
    from syncqueue.sources import gate

    real = gate.prefetch_related_objects

    def prefetch(rows: list[Any], *names: str) -> None:
        if any(obj.text == "Odd" for obj in rows):
            raise LookupError("a relation that leads nowhere")
        real(rows, *names)

    monkeypatch.setattr(gate, "prefetch_related_objects", prefetch)
    monkeypatch.setattr(TextSync, "prefetch", ("links",))
    Memo.objects.bulk_create(Memo(text=text) for text in ("1", "Odd", "2"))
    syncqueue.sync_queryset(Memo.objects.all())
    work()
    assert texts() == ["1", "2"]
    odd = Memo.objects.get(text="Odd")
    assert "a relation that leads nowhere" in SyncRecord.objects.get(object_pk=str(odd.pk)).error


@pytest.mark.parametrize(
    ("owner", "says"),
    [
        (lambda: Writer(pk=1), "it returns a Writer, where a auth.User is expected"),
        (lambda: User(), "it returns a user that is not saved yet"),
        (lambda: "Ada", "'Ada' is no key of auth.User"),
        (lambda: [1], "is no key of auth.User"),
        (lambda: 10**30, "is no key of auth.User"),
    ],
)
def test_an_owner_that_is_no_user_keeps_no_other_back(
    texts: Texts, monkeypatch: pytest.MonkeyPatch, owner: Callable[[], Any], says: str
) -> None:
    monkeypatch.setattr(TextSync, "owner", lambda self, obj: owner() if obj.text == "Odd" else None)
    Memo.objects.bulk_create(Memo(text=text) for text in ("1", "Odd", "2"))
    work()
    assert texts() == ["1", "2"]
    assert says in reason_of(Memo.objects.get(text="Odd"))


REFUSE_ONE = {
    "sqlite": """
        CREATE TRIGGER refuse_one BEFORE INSERT ON syncqueue_syncrecord WHEN NEW.object_pk = '{pk}'
        BEGIN SELECT RAISE(ABORT, 'not this record'); END
    """,
    "postgresql": """
        ALTER TABLE syncqueue_syncrecord ADD CONSTRAINT not_this_record CHECK (object_pk <> '{pk}') NOT VALID
    """,
}
ACCEPT_ONE = {
    "sqlite": "DROP TRIGGER refuse_one",
    "postgresql": "ALTER TABLE syncqueue_syncrecord DROP CONSTRAINT not_this_record",
}


@contextmanager
def one_record_refused(obj: Any) -> Iterator[None]:
    """The database takes no record of this object."""
    with connection.cursor() as cursor:
        cursor.execute(REFUSE_ONE[connection.vendor].format(pk=obj.pk))
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(ACCEPT_ONE[connection.vendor])


def by_the_sweep(place: Destination) -> None:
    """Nothing is asked for."""


def by_sync_queryset(place: Destination) -> None:
    """The objects are asked for."""
    syncqueue.sync_queryset(Memo.objects.all())


def by_resync(place: Destination) -> None:
    """The destination is filled anew."""
    services.resync([place], force=True, prune=True, actor="a test")


def by_a_related_object(place: Destination) -> None:
    """All objects are concerned by another one, whose save is in no transaction."""
    syncqueue.get_queue("shelf")
    memos = source_for(Memo)
    assert memos is not None
    note_changes(memos, [change_of(memo) for memo in Memo.objects.all()], "default")


@pytest.mark.parametrize("ask", [by_the_sweep, by_sync_queryset, by_resync, by_a_related_object])
def test_an_object_whose_record_the_database_refuses_is_refused_alone(
    texts: Texts, place: Destination, ask: Callable[[Destination], None]
) -> None:
    Memo.objects.bulk_create(Memo(text=text) for text in ("1", "Odd", "2"))
    odd = Memo.objects.get(text="Odd")
    with one_record_refused(odd):
        ask(place)
        work()
        assert texts() == ["1", "2"]
        assert "the record cannot be written raised IntegrityError: " in reason_of(odd)
    make_due()
    work()
    assert texts() == ["1", "2", "Odd"]
    assert not RefusedObject.objects.exists()


def test_a_related_object_s_change_reaches_all_but_the_object_whose_record_is_refused(texts: Texts) -> None:
    topic = Topic.objects.create(name="Tea")
    case = Bookcase.objects.create(name="Left")
    books = [Book.objects.create(text=text, shelf=case) for text in ("1", "Odd", "2")]
    for book in books:
        book.topics.add(topic)
    assert texts() == ["1 (Tea)", "2 (Tea)", "Odd (Tea)"]
    topic.name = "Coffee"
    with one_record_refused(books[1]):
        topic.save()
        immediate.immediate_loop().drain(20)
    work()
    assert texts() == ["1 (Coffee)", "2 (Coffee)", "Odd (Tea)"]


def test_sync_queryset_passes_a_row_that_cannot_be_read(texts: Texts) -> None:
    Fragile.objects.bulk_create([Fragile(text="1"), Fragile(text="Bad", value="v0"), Fragile(text="2")])
    assert syncqueue.sync_queryset(Fragile.objects.all()) == 2
    work()
    assert texts() == ["1", "2"]
    assert "a value of version 0" in RefusedObject.objects.get().reason


def test_resync_and_sync_queryset_pass_odd_objects(texts: Texts, place: Destination) -> None:
    ada = Writer.objects.create(name="Ada")
    Written.objects.bulk_create([Written(text="Odd", author=None), Written(text="1", author=ada)])
    Fragile.objects.bulk_create([Fragile(text="2"), Fragile(text="Bad", value="v0")])
    assert syncqueue.sync_queryset(Written.objects.all()) == 1
    services.resync([place], force=False, prune=True, actor="a test")
    work()
    assert texts() == ["1", "2"]


def test_beyond_a_bound_a_walk_finds_the_refused_objects_later(texts: Texts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "LIMIT", 3)
    monkeypatch.setattr(walk, "CHUNK", 2)
    source = source_for(Written)
    assert source is not None
    sweep_source(source)
    Written.objects.bulk_create(Written(text=str(n), author=None) for n in range(8))
    sweep_source(source)
    assert RefusedObject.objects.count() == 3
    assert Walk.objects.filter(source=source.label, kind=WalkKind.MISSED).exists()
    Written.objects.update(author=Writer.objects.create(name="Ada"))
    make_due()
    sweep_source(source)
    sweep_source(source)
    work()
    assert texts() == [str(n) for n in range(8)]
    work()
    assert not RefusedObject.objects.exists()
    assert not Walk.objects.exists()


def test_a_database_that_is_away_is_no_fault_of_the_object(
    place: Destination, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    with syncqueue.queued():
        memo = Memo.objects.create(text="1")
    away = [True]

    def document(self: Any, obj: Memo) -> syncqueue.Document:
        if away.pop() if away else False:
            raise OperationalError("database is locked")
        return syncqueue.Document(text=obj.text)

    monkeypatch.setattr(TextSync, "document", document)
    work()
    work()
    assert list(shelf.copies.values()) == ["1"]
    assert not RefusedObject.objects.exists()
    assert SyncRecord.objects.get(object_pk=str(memo.pk)).error == ""


def test_a_function_of_affected_by_that_raises_is_asked_again(
    texts: Texts, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    book = Book.objects.create(text="Book", shelf=Bookcase.objects.create(name="Left"))
    topic = Topic.objects.create(name="Tea")
    topic.books.add(book)
    real = BookSync.affected_by[Topic]

    def broken(topic: Topic) -> Any:
        raise LookupError("no books today")

    with monkeypatch.context() as patch:
        patch.setitem(BookSync.affected_by, Topic, broken)
        topic.name = "Green tea"
        topic.save()
        assert "BookSync.affected_by[Topic] raised LookupError: no books today" in caplog.text
        Memo.objects.bulk_create([Memo(text="1")])
        work()
        assert texts() == ["1", "Book (Tea)"]
    assert BookSync.affected_by[Topic] is real
    work()
    assert texts() == ["1", "Book (Green tea)"]
    assert not Walk.objects.exists()


def test_models_of_every_kind_go_out_once(texts: Texts, shelf: Shelf) -> None:
    Hidden.everything.bulk_create([Hidden(text="hidden")])
    MemoProxy.objects.create(text="proxy")
    Article.objects.create(text="article")
    Page.objects.create(text="page")
    Undated.objects.create(text="undated", created_at=timezone.now(), updated_at=timezone.now())
    work()
    work()
    assert texts() == ["article", "hidden", "page", "proxy", "undated"]
    assert sum(len(call) for call in shelf.calls) == 5


def test_an_empty_date_of_creation_is_older_than_every_destination(texts: Texts) -> None:
    old = Undated.objects.create(text="old, typo")
    old.text = "old, mended"
    old.save()
    assert texts() == []
    assert "created before the destination" in str(syncqueue.explain(old)[0])


def test_an_object_in_another_database_is_not_promised_to_be_synced(texts: Texts, caplog: Any) -> None:
    memo = Memo(text="archived")
    memo.save(using="archive")
    assert "was changed in the database 'archive'" in caplog.text
    (sentence,) = syncqueue.explain(memo)
    assert "is in the database archive; syncqueue reads oddapp.Memo only from default" in str(sentence)
    with pytest.raises(syncqueue.SyncQueueError, match="is in the database archive"):
        syncqueue.sync(memo)
    work()
    assert texts() == []


def test_a_source_that_cannot_be_swept_keeps_no_other_back(texts: Texts) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE oddapp_undated RENAME TO oddapp_lost")
    try:
        Memo.objects.bulk_create([Memo(text="1")])
        work()
        assert texts() == ["1"]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE oddapp_lost RENAME TO oddapp_undated")


def test_sources_whose_database_hangs_keep_those_of_another_one_not_waiting(
    place: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = ("oddapp.archived", "oddapp.fragile", "oddapp.hidden")
    begun, may_end, swept = threading.Semaphore(0), threading.Event(), []

    def sweep(source: Any, *_: Any, **__: Any) -> None:
        if source.label in away:
            begun.release()
            may_end.wait(60)
        swept.append(source.label)

    monkeypatch.setattr(upkeep, "sweep_source", sweep)
    monkeypatch.setattr(upkeep, "home_db", lambda model: "archive" if model._meta.label_lower in away else "default")
    duties = upkeep.Upkeep([], get_settings(), SYSTEM_CLOCK)

    async def go() -> None:
        sweeps = {duty.name: asyncio.create_task(duty.once()) for duty in duties.reconciliations()}
        await asyncio.to_thread(lambda: [begun.acquire(timeout=60) for _ in range(2)])  # both threads hang
        await sweeps["sweep oddapp.memo"]
        may_end.set()
        await asyncio.gather(*sweeps.values())

    asyncio.run(asyncio.wait_for(go(), 120))
    duties.close()
    assert swept.index("oddapp.memo") < swept.index("oddapp.archived")


def test_a_day_counts_as_its_last_moment(texts: Texts, place: Destination) -> None:
    today = timezone.localdate()
    Destination.objects.update(start_at=timezone.now() - timedelta(minutes=1))
    old = Daily.objects.create(text="old, typo", day=today - timedelta(days=30))
    old.text = "old, mended"
    old.save()
    Daily.objects.create(text="of today", day=today)
    assert texts() == ["of today"]
    Daily.objects.filter(text="of today").update(text="updated", updated_at=timezone.now())
    work()
    assert texts() == ["updated"]


def test_a_property_may_say_when_an_object_was_created(texts: Texts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DailySync, "created_field", "first_day")
    Daily.objects.create(text="1", day=timezone.localdate())
    Daily.objects.create(text="old", day=timezone.localdate() - timedelta(days=800))
    odd = Daily.objects.create(text="No day", day=timezone.localdate())
    assert texts() == ["1"]
    assert "created_field ('first_day') raised LookupError: no day is known" in reason_of(odd)


def test_archived_objects_of_a_second_database_are_synced_and_taken_away(texts: Texts) -> None:
    made = Archived.objects.create(text="1")
    assert texts() == ["1"]
    Archived.objects.bulk_create([Archived(text="2")])
    work()
    assert texts() == ["1", "2"]
    made.delete()
    assert texts() == ["2"]


def test_a_generic_relation_counts_by_affected_by(texts: Texts, monkeypatch: pytest.MonkeyPatch) -> None:
    real = BookSync.document

    def document(self: BookSync, book: Book) -> syncqueue.Document:
        kind = ContentType.objects.get_for_model(Book)
        count = Link.objects.filter(content_type=kind, object_id=book.pk).count()
        return syncqueue.Document(text=f"{real(self, book).text}, {count} links")

    monkeypatch.setattr(BookSync, "document", document)
    book = Book.objects.create(text="Book", shelf=Bookcase.objects.create(name="Left"))
    assert texts() == ["Book, 0 links"]
    link = Link.objects.create(target=book, url="https://example.org/")
    assert texts() == ["Book, 1 links"]
    link.delete()
    assert texts() == ["Book, 0 links"]
    Memo.objects.create(text="1").delete()  # its own generic relation goes with it


def test_the_admin_pages_stand_beside_a_record_whose_key_cannot_be_read(
    texts: Texts, place: Destination, admin_client: Any
) -> None:
    memo = Memo.objects.create(text="1")
    SyncRecord.objects.update(object_pk="not-a-number")
    record = SyncRecord.objects.get()
    pages = [
        "/admin/syncqueue/syncrecord/",
        f"/admin/syncqueue/syncrecord/{record.pk}/change/",
        "/admin/syncqueue/syncrecord/?q=oddapp.memo:not-a-number",
        f"/admin/syncqueue/syncrecord/?q=oddapp.memo:{memo.pk}",
    ]
    assert [admin_client.get(page).status_code for page in pages] == [200] * len(pages)


def test_a_worker_that_ends_stops_its_sweep_after_a_chunk(place: Destination, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncqueue.sources.sweep.CHUNK", 2)
    Memo.objects.bulk_create(Memo(text=str(n)) for n in range(8))
    source = source_for(Memo)
    assert source is not None
    assert sweep_source(source, is_ending=lambda: True) == 2
    assert sweep_source(source) == 6


def test_all_that_is_odd_at_once_keeps_no_healthy_note_back(
    texts: Texts, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = TextSync.document

    def document(self: TextSync, obj: Any) -> syncqueue.Document:
        if obj.text == "Bad document":
            raise RecursionError("a document without end")
        return real(self, obj)

    monkeypatch.setattr(TextSync, "document", document)
    healthy = [f"note {n:02}" for n in range(40)]
    Memo.objects.bulk_create(Memo(text=text) for text in healthy)
    Memo.objects.bulk_create([Memo(text="Bad document")])
    Written.objects.create(text="No author", author=None)
    Fragile.objects.bulk_create([Fragile(text="Bad row", value="v0")])
    with syncqueue.queued():
        lost = Page.objects.create(text="Lost key")
    SyncRecord.objects.filter(source="oddapp.page", object_pk=str(lost.pk)).update(object_pk="no key")
    Daily.objects.create(text="of today", day=timezone.localdate())
    work()
    work()
    assert texts() == sorted([*healthy, "Lost key", "of today"])
    assert sum(len(call) for call in shelf.calls) == len(healthy) + 2
    reasons = [*RefusedObject.objects.values_list("reason", flat=True)]
    reasons += SyncRecord.objects.exclude(error="").values_list("error", flat=True)
    for says in (
        "a document without end",
        "'NoneType' object has no attribute 'name'",
        "a value of version 0",
        "no key",
    ):
        assert len([reason for reason in reasons if says in reason]) == 1
