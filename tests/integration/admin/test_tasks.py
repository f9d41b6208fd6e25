"""Lists of tasks, the page of one task, and what may be done with one, those selected, or all."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from project.notes.models import Note
from syncqueue import services
from syncqueue.admin import rounds, task_actions
from syncqueue.core.task import AttemptNote, SyncTask, TaskState
from syncqueue.models import Clearing, Destination, SyncRecord
from syncqueue.queue.calls import AdmissionRequest
from syncqueue.sources.intents import record_task
from tests.integration.admin.conftest import HTML
from tests.integration.api.people import ROLES, client_of
from tests.integration.api.seeds import fill, queue_of

pytestmark = pytest.mark.django_db

QUEUES = "/admin/syncqueue/queue/"
TASKS = f"{QUEUES}telegram/tasks/"
EXPECTED_VIEW = {"anonymous": 302, "member": 302, "staff": 403, "viewer": 200, "operator": 200}
EXPECTED_OPERATE = {"anonymous": 302, "member": 302, "staff": 403, "viewer": 403, "operator": 200}
ESCAPED = "&lt;script&gt;"


@pytest.fixture
def operator() -> Client:
    return client_of("operator")


def fail_one(**values: Any) -> str:
    """A failed task; answers its id."""
    queue = queue_of("telegram")
    queue.enqueue(SyncTask(**{"service": "telegram", "action": "update", "entity": "notes.note:1", **values}))
    (claimed,) = queue.claim(1).tasks
    note = AttemptNote(
        at=timezone.now(), seconds=1.25, outcome="failure", error=f"Refused {HTML}", traceback=f"Traceback {HTML}"
    )
    queue.fail(claimed, note)
    return claimed.task.id


def break_one() -> str:
    """A failed task whose body nobody can read; answers its id."""
    queue, task_id = queue_of("telegram"), fail_one()
    queue.client.hset(queue.calls.keys["bodies"], task_id, f"9?{HTML}")
    return task_id


def url_of(task_id: str) -> str:
    return f"{QUEUES}telegram/task/{quote(task_id)}/"


def text_of(client: Client, path: str, **data: Any) -> str:
    return client.get(path, data).content.decode()


PATHS = ["live/", "workers/", "cleared/", "telegram/tasks/failed/", "telegram/task/nothing/"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("role", ROLES)
def test_only_staff_with_the_view_permission_see_a_page(role: str, path: str) -> None:
    assert client_of(role).get(QUEUES + path).status_code == EXPECTED_VIEW[role]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("path", ["failed/retry/", "delayed/run-now/", "failed/delete/"])
def test_only_staff_with_the_operate_permission_act_on_tasks(role: str, path: str) -> None:
    fill("telegram", failed=1, delayed=1)
    asked = client_of(role).post(TASKS + path, {"all": "1"})
    assert asked.status_code == (302 if role == "operator" else EXPECTED_OPERATE[role])  # to the question
    stats = queue_of("telegram").stats()
    assert (stats.failed_count, stats.delayed_count) == (1, 1)


@pytest.mark.parametrize("role", ROLES[1:-1])
def test_a_confirmed_request_of_anybody_else_changes_nothing(role: str) -> None:
    fill("telegram", failed=1)
    client_of(role).post(f"{TASKS}failed/delete/", {"all": "1", "confirmed": "1"})
    assert queue_of("telegram").stats().failed_count == 1


def test_actions_need_the_csrf_token() -> None:
    fill("telegram", failed=1)
    answer = client_of("operator", csrf=True).post(f"{TASKS}failed/retry/", {"all": "1", "confirmed": "1"})
    assert (answer.status_code, queue_of("telegram").stats().failed_count) == (403, 1)


def test_actions_are_never_done_by_a_link(operator: Client) -> None:
    fill("telegram", failed=1)
    asked = operator.get(f"{TASKS}failed/retry/", {"all": "1", "confirmed": "1"})
    assert "1 failed task goes back" in asked.content.decode()
    assert operator.get(f"{TASKS}failed/retry/").headers["Location"] == f"{TASKS}failed/"
    assert queue_of("telegram").stats().failed_count == 1


def test_a_question_and_a_progress_are_pages_of_their_own_that_back_and_reload_may_ask_for(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = [fail_one(), fail_one(), fail_one()]
    asked = operator.post(f"{TASKS}failed/retry/", {"id": chosen}, follow=True)
    assert asked.request["REQUEST_METHOD"] == "GET"
    assert asked.context["order"].ids == chosen
    monkeypatch.setattr(rounds, "ROUND_SECONDS", -1.0)
    monkeypatch.setattr(task_actions, "CHUNK", 2)
    page = operator.post(f"{TASKS}failed/retry/", {"all": "1", "confirmed": "1"}, follow=True)
    assert page.request["REQUEST_METHOD"] == "GET"
    again = operator.get(page.request["PATH_INFO"], dict(page.context["hidden"]))
    assert "2 of 3 processed" in again.content.decode()
    assert queue_of("telegram").stats().failed_count == 1


def test_a_selection_too_long_for_an_address_is_asked_about_all_the_same(operator: Client) -> None:
    asked = operator.post(f"{TASKS}failed/retry/", {"id": [f"task-{n:04}" for n in range(1000)]})
    assert "1,000 failed tasks go back" in asked.content.decode()


@pytest.mark.parametrize("path", ["failed/run-now/", "pending/retry/", "processing/delete/", "nonsense/", "failed/x/"])
def test_an_action_that_makes_no_sense_in_a_state_is_not_found(operator: Client, path: str) -> None:
    assert operator.post(TASKS + path, {"all": "1"}).status_code == 404


@pytest.mark.parametrize("path", ["nowhere/tasks/failed/", "nowhere/task/1/", "cleared/99/restore/"])
def test_what_is_not_there_is_not_found(operator: Client, path: str) -> None:
    assert operator.get(QUEUES + path).status_code == 404


# Lists


def test_pages_follow_each_other_to_the_end_and_back(operator: Client) -> None:
    fill("telegram", failed=120)
    seen: list[str] = []
    path = f"{TASKS}failed/"
    for _page in range(3):
        page = operator.get(path)
        seen += [row.view.id for row, _url in page.context["rows"]]
        following = [way.url for way in page.context["ways"] if way.words == "Next"]
        path = f"{TASKS}failed/{following[0]}" if following else path
    assert len(seen) == len(set(seen)) == 120
    assert not following
    last = operator.get(f"{TASKS}failed/", {"start": 70})
    assert [row.view.id for row, _url in last.context["rows"]] == seen[70:]
    assert "71–120 of 120" in last.content.decode()


def test_a_cursor_that_is_none_begins_at_the_beginning(operator: Client) -> None:
    fill("telegram", failed=1)
    assert len(operator.get(f"{TASKS}failed/", {"cursor": "nonsense", "start": "-1"}).context["rows"]) == 1


def test_a_search_says_how_far_it_has_looked(operator: Client) -> None:
    fail_one(entity="notes.note:77")
    fill("telegram", failed=3)
    page = text_of(operator, f"{TASKS}failed/", q="note:77")
    assert "Searched 4 of 4, found 1." in page
    assert "Note 77" in page


@pytest.mark.parametrize(("state", "buttons"), [
    ("pending", {"delete"}), ("delayed", {"run-now", "delete"}), ("processing", set()), ("failed", {"retry", "delete"}),
])  # fmt: skip
def test_only_actions_valid_for_the_state_are_offered(operator: Client, state: str, buttons: set[str]) -> None:
    fill("telegram", pending=1, delayed=1, processing=1, failed=1)
    page = text_of(operator, f"{TASKS}{state}/")
    offered = {name for name in ("retry", "run-now", "delete") if f'{state}/{name}/"' in page}
    assert offered == buttons
    assert "formaction" not in text_of(client_of("viewer"), f"{TASKS}{state}/")


@pytest.mark.usefixtures("redis_away")
@pytest.mark.parametrize("path", ["telegram/tasks/failed/", "telegram/task/x/", "workers/", "cleared/", "live/"])
def test_without_redis_the_pages_stand(operator: Client, path: str) -> None:
    assert operator.get(QUEUES + path).status_code == 200


@pytest.mark.usefixtures("redis_away")
def test_without_redis_an_action_says_so(operator: Client) -> None:
    asked = operator.post(f"{TASKS}failed/retry/", {"all": "1"}, follow=True).content.decode()
    done = operator.post(f"{TASKS}failed/retry/", {"all": "1", "confirmed": "1"}, follow=True).content.decode()
    assert "Redis" in asked and "Redis" in done


# One task


def test_a_tasks_page_shows_payload_attempts_and_traceback_as_text(operator: Client) -> None:
    task_id = fail_one(action=HTML, entity=f"{HTML}:1", payload={HTML: HTML})
    for path in (url_of(task_id), f"{TASKS}failed/"):
        page = text_of(operator, path)
        assert HTML not in page and ESCAPED in page
    page = text_of(operator, url_of(task_id))
    assert "<details>" in page and f"Traceback {ESCAPED}" in page and "1.25 s" in page


def test_a_tasks_page_leads_to_object_record_and_copy(operator: Client, record: SyncRecord) -> None:
    task = record_task("telegram", record.pk, f"notes.note:{record.object_pk}")
    queue_of("telegram").enqueue(task)
    page = text_of(operator, url_of(task.id))
    assert f'href="/admin/notes/note/{record.object_pk}/change/"' in page
    assert f'href="/admin/syncqueue/syncrecord/{record.pk}/change/"' in page
    assert 'href="https://t.me/news/7"' in page


def test_a_task_that_cannot_be_read_is_shown_as_broken_and_can_be_deleted(operator: Client) -> None:
    task_id = break_one()
    listed, page = text_of(operator, f"{TASKS}failed/"), text_of(operator, url_of(task_id))
    assert "broken" in listed and HTML not in listed + page
    assert "cannot be read" in page and ESCAPED in page
    assert "failed/delete/" in page and "failed/retry/" not in page
    operator.post(f"{TASKS}failed/delete/", {"id": [task_id], "confirmed": "1"})
    assert queue_of("telegram").stats().failed_count == 0


def test_a_task_that_is_done_says_so_instead_of_breaking(operator: Client) -> None:
    assert "A task leaves its queue when it is done or deleted." in text_of(operator, url_of("gone"))


def test_a_parked_task_says_what_holds_it(operator: Client) -> None:
    queue = queue_of("telegram")
    queue.hold("breaker:api.example.org:443", 60, f"unreachable over IPv6 {HTML}")
    queue.enqueue(SyncTask("telegram", "update", "notes.note:1", run_at=timezone.now() + timedelta(hours=1)))
    page = text_of(operator, f"{TASKS}delayed/")
    assert "due in 59 min" in page


def test_a_chinese_page_shows_no_english_values(operator: Client) -> None:
    task_id = fail_one()
    page = operator.get(url_of(task_id), headers={"Accept-Language": "zh-hans"}).content.decode()
    details = page[page.index("syncqueue-details") : page.index("Traceback")]
    assert "<dd>更新</dd>" in details and "<dd>正常</dd>" in details and "· 失败" in details
    assert not any(word in details for word in ("update<", "normal<", "failure"))


def test_a_task_parked_by_a_destination_names_it_with_a_link_instead_of_the_hold(
    operator: Client, destination: Destination
) -> None:
    park(f"stopped:destination:{destination.pk}", "The bot was kicked.")
    link = (
        f'<a href="/admin/syncqueue/destination/{destination.pk}/change/">@news accepts nothing at the moment: The bot'
    )
    for path in (f"{TASKS}delayed/", url_of("parked")):
        page = text_of(operator, path)
        assert link in page and "destination:" not in page


@pytest.mark.parametrize(
    ("hold", "words"),
    [
        ("broken:destination:999", "telegram accepts nothing at the moment"),
        ("breaker:api.example.org:443", "api.example.org:443 cannot be reached"),
        ("rate:credential:1f2e", "rate limit of telegram"),
        ("pause", "telegram is paused"),
    ],
)
def test_what_a_parked_task_waits_for_is_said_in_words(operator: Client, hold: str, words: str) -> None:
    park(hold, "")
    assert f'<a href="{QUEUES}">{words}</a>' in text_of(operator, f"{TASKS}delayed/")


def park(hold: str, reason: str) -> None:
    """A task that a worker found held."""
    queue = queue_of("telegram")
    queue.enqueue(SyncTask("telegram", "update", "notes.note:1", id="parked"))
    (claimed,) = queue.claim(1).tasks
    queue.hold(hold, None, reason)
    queue.admit([AdmissionRequest(claimed=claimed, holds=(hold,))])


def test_lists_show_the_title_of_an_object_to_those_who_may_view_it(operator: Client, note: Note) -> None:
    queue_of("telegram").enqueue(SyncTask("telegram", "update", f"notes.note:{note.pk}"))
    assert f"Hello (Note {note.pk})" not in text_of(operator, f"{TASKS}pending/")
    person = User.objects.get(username="operator")
    person.user_permissions.add(Permission.objects.get(content_type__app_label="notes", codename="view_note"))
    assert f"Hello (Note {note.pk})" in text_of(operator, f"{TASKS}pending/")


def test_an_object_whose_title_cannot_be_made_is_named_by_its_key(note: Note, monkeypatch: pytest.MonkeyPatch) -> None:
    def raises(_note: Note) -> str:
        raise RuntimeError("no title")

    monkeypatch.setattr(Note, "__str__", raises)
    queue_of("telegram").enqueue(SyncTask("telegram", "update", f"notes.note:{note.pk}"))
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    assert f">Note {note.pk}</a>" in text_of(client, f"{TASKS}pending/")


def test_the_page_of_a_deleted_task_says_that_it_was_deleted_and_leads_to_its_record(
    operator: Client, record: SyncRecord
) -> None:
    task = record_task("telegram", record.pk, f"notes.note:{record.object_pk}")
    queue_of("telegram").enqueue(task)
    operator.post(f"{TASKS}pending/delete/", {"id": [task.id], "confirmed": "1"})
    page = text_of(operator, url_of(task.id))
    assert "It was deleted, not done." in page
    assert f'href="/admin/syncqueue/syncrecord/{record.pk}/change/"' in page


def test_an_action_that_did_nothing_is_no_success(operator: Client) -> None:
    page = operator.post(f"{TASKS}failed/retry/", {"id": ["gone"], "confirmed": "1"}, follow=True)
    (message,) = page.context["messages"]
    assert (message.level_tag, message.message) == ("warning", "telegram: 0 tasks are back in the queue.")


# Actions


def test_the_question_names_the_count_and_changes_nothing(operator: Client) -> None:
    fill("telegram", failed=3)
    asked = operator.post(f"{TASKS}failed/retry/", {"all": "1"}, follow=True)
    assert "3 failed tasks go back" in asked.content.decode()
    assert queue_of("telegram").stats().failed_count == 3


def test_nothing_selected_is_said(operator: Client) -> None:
    page = operator.post(f"{TASKS}failed/retry/", follow=True)
    assert page.redirect_chain == [(f"{TASKS}failed/", 302)]
    assert "Select at least one task." in page.content.decode()


def test_the_selected_ones_are_retried_and_it_is_logged(operator: Client) -> None:
    chosen = [fail_one(), fail_one()]
    fill("telegram", failed=1)
    page = operator.post(f"{TASKS}failed/retry/", {"id": chosen, "confirmed": "1"}, follow=True).content.decode()
    assert "2 tasks are back in the queue." in page
    stats = queue_of("telegram").stats()
    assert (stats.failed_count, stats.pending_count) == (1, 2)
    assert LogEntry.objects.get().object_repr == "telegram: retry: 2 failed tasks"


def test_delayed_tasks_run_now(operator: Client) -> None:
    fill("telegram", delayed=3)
    operator.post(f"{TASKS}delayed/run-now/", {"all": "1", "confirmed": "1"})
    assert len(queue_of("telegram").claim(5).tasks) == 3


def test_all_that_match_are_deleted_and_no_other(operator: Client) -> None:
    for number in (7, 77, 8):
        fail_one(entity=f"notes.note:{number}")
    data = {"all": "1", "q": "note:7"}
    assert "2 tasks are removed" in operator.post(f"{TASKS}failed/delete/", data, follow=True).content.decode()
    operator.post(f"{TASKS}failed/delete/", data | {"confirmed": "1"})
    (left,) = queue_of("telegram").page(TaskState.FAILED, limit=5).tasks
    assert left.task is not None and left.task.entity == "notes.note:8"


@pytest.mark.parametrize(("path", "data"), [
    ("tasks/failed/retry/", {"all": "1", "confirmed": "1"}), ("retry-failed/", {}),
])  # fmt: skip
def test_long_work_goes_on_in_rounds_that_say_how_far_it_is(
    operator: Client, monkeypatch: pytest.MonkeyPatch, path: str, data: dict[str, str]
) -> None:
    monkeypatch.setattr(rounds, "ROUND_SECONDS", -1.0)
    monkeypatch.setattr(rounds, "PIECE", 2)
    monkeypatch.setattr(task_actions, "CHUNK", 2)
    fill("telegram", failed=5)
    address = f"{QUEUES}telegram/{path}"
    page = operator.post(address, data, follow=True)
    assert "2 of 5 processed, 2 done." in page.content.decode()
    assert queue_of("telegram").stats().failed_count == 3
    for _round in range(2):
        page = operator.post(address, dict(page.context["hidden"]), follow=True)
    assert page.context.get("at") is None
    assert queue_of("telegram").stats().failed_count == 0
    logged = [int(entry.object_repr.split(": ")[2].split()[0]) for entry in LogEntry.objects.order_by("pk")]
    assert logged == [2, 2, 1]


def test_a_position_that_was_made_up_is_the_beginning() -> None:
    assert rounds.read_position("nonsense") == rounds.Position()
    at = rounds.Position(total=5, looked=2, done=1, cursor="x", clearing=3)
    assert rounds.read_position(at.text()) == at


# Cleared work


def test_what_was_deleted_is_restored(operator: Client) -> None:
    fill("telegram", failed=3)
    operator.post(f"{TASKS}failed/delete/", {"all": "1", "confirmed": "1"})
    clearing = Clearing.objects.get()
    listed = text_of(operator, f"{QUEUES}cleared/")
    assert f"cleared/{clearing.pk}/restore/" in listed and "operator" in listed
    assert "3 tasks" in text_of(operator, f"{QUEUES}cleared/{clearing.pk}/restore/")
    page = operator.post(f"{QUEUES}cleared/{clearing.pk}/restore/", follow=True).content.decode()
    assert "elegram: 3 tasks are back." in page
    assert queue_of("telegram").stats().pending_count + queue_of("telegram").stats().failed_count == 3
    assert operator.get(f"{QUEUES}cleared/{clearing.pk}/restore/").status_code == 404


def test_what_had_failed_is_restored_as_failed_and_that_is_said(operator: Client, record: SyncRecord) -> None:
    generic = fail_one()
    queue = queue_of("telegram")
    queue.enqueue(record_task("telegram", record.pk, f"notes.note:{record.object_pk}"))
    (claimed,) = queue.claim(1).tasks
    queue.fail(claimed, AttemptNote(at=timezone.now(), seconds=1.0, outcome="failure", error="Refused"))
    operator.post(f"{TASKS}failed/delete/", {"all": "1", "confirmed": "1"})
    record.refresh_from_db()
    assert (record.state, record.error) == ("abandoned", f"Cleared by operator. Refused: {HTML}")
    path = f"{QUEUES}cleared/{Clearing.objects.get().pk}/restore/"
    assert "Failed tasks come back as failed" in text_of(operator, path)
    assert "2 tasks are back." in operator.post(path, follow=True).content.decode()
    record.refresh_from_db()
    assert (record.state, record.error, record.clearing) == ("failed", f"Refused: {HTML}", None)
    stats = queue_of("telegram").stats()
    assert (stats.pending_count, stats.failed_count) == (0, 1)  # a record's failure stays in the database alone
    assert services.task("telegram", generic).state is TaskState.FAILED


def test_cleared_work_older_than_7_days_is_not_offered(operator: Client) -> None:
    old = Clearing.objects.create(
        service="telegram", actor=HTML, task_count=1, cleared_at=timezone.now() - timedelta(days=8)
    )
    young = Clearing.objects.create(service="telegram", actor=HTML, task_count=1)
    page = text_of(operator, f"{QUEUES}cleared/")
    assert f"cleared/{young.pk}/" in page and f"cleared/{old.pk}/" not in page
    assert HTML not in page


@pytest.mark.parametrize("role", ROLES)
def test_only_those_who_may_operate_restore(role: str) -> None:
    clearing = Clearing.objects.create(service="telegram", actor="ann", task_count=1)
    path = f"{QUEUES}cleared/{clearing.pk}/restore/"
    client = client_of(role)
    assert client.get(path).status_code == EXPECTED_OPERATE[role]
    assert (path in text_of(client, f"{QUEUES}cleared/")) is (role == "operator")
