"""The dashboard and its operations, seen by every kind of visitor."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from syncqueue.core.task import AttemptNote
from syncqueue.models import Destination, ServicePolicy, SyncRecord
from syncqueue.sources.intents import record_task
from tests.integration.api.people import ROLES, client_of
from tests.integration.api.seeds import fill, queue_of

pytestmark = pytest.mark.django_db

DASHBOARD = "/admin/syncqueue/queue/"
OPERATIONS = ["retry-failed", "recover", "pause", "resume", "clear"]
EXPECTED_VIEW = {"anonymous": 302, "member": 302, "staff": 403, "viewer": 200, "operator": 200}
EXPECTED_OPERATE = {"anonymous": 302, "member": 302, "staff": 403, "viewer": 403, "operator": 200}


@pytest.mark.parametrize("role", ROLES)
def test_only_staff_with_the_view_permission_see_the_dashboard(role: str) -> None:
    assert client_of(role).get(DASHBOARD).status_code == EXPECTED_VIEW[role]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("role", ROLES)
def test_only_staff_with_the_operate_permission_are_asked_to_confirm(role: str, operation: str) -> None:
    assert client_of(role).get(f"{DASHBOARD}telegram/{operation}/").status_code == EXPECTED_OPERATE[role]


@pytest.mark.parametrize("role", ["anonymous", "member", "staff", "viewer"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_nobody_else_can_operate(role: str, operation: str) -> None:
    fill("telegram", pending=1, failed=1)
    client_of(role).post(f"{DASHBOARD}telegram/{operation}/", {"states": ["pending", "failed"]})
    stats = queue_of("telegram").stats()
    assert (stats.pending_count, stats.failed_count, stats.paused) == (1, 1, False)
    assert not LogEntry.objects.exists()


def test_operations_need_the_csrf_token() -> None:
    fill("telegram", failed=1)
    answer = client_of("operator", csrf=True).post(f"{DASHBOARD}telegram/retry-failed/")
    assert answer.status_code == 403
    assert queue_of("telegram").stats().failed_count == 1


def test_asking_changes_nothing() -> None:
    fill("telegram", failed=2)
    client_of("operator").get(f"{DASHBOARD}telegram/retry-failed/")
    assert queue_of("telegram").stats().failed_count == 2


def test_the_dashboard_stands_in_the_index_for_those_who_may_see_it() -> None:
    assert DASHBOARD in client_of("viewer").get("/admin/").content.decode()
    assert DASHBOARD not in client_of("staff").get("/admin/").content.decode()


def test_a_card_shows_the_figures_of_its_service() -> None:
    fill("telegram", pending=3, delayed=2, failed=4, processing=1)
    page = client_of("viewer").get(DASHBOARD)
    (card, _) = page.context["overview"].cards
    assert card.service == "telegram"
    assert (card.stats.pending_count, card.stats.delayed_count, card.stats.failed_count) == (3, 2, 4)
    for state, count in (("pending", 3), ("delayed", 2), ("failed", 4), ("processing", 1)):
        assert f'telegram/tasks/{state}/">{count}<' in page.content.decode()


def test_buttons_are_shown_only_to_those_who_may_press_them() -> None:
    fill("telegram", failed=1)
    assert "telegram/retry-failed/" not in client_of("viewer").get(DASHBOARD).content.decode()
    assert "telegram/retry-failed/" in client_of("operator").get(DASHBOARD).content.decode()


def test_only_buttons_that_would_do_something_are_shown() -> None:
    page = client_of("operator").get(DASHBOARD).content.decode()
    assert "telegram/pause/" in page
    for operation in ("retry-failed", "clear", "recover", "resume"):
        assert f"telegram/{operation}/" not in page


def test_without_a_worker_the_first_line_says_so_and_how_much_waits() -> None:
    fill("telegram", pending=2, delayed=1)
    page = client_of("viewer").get(DASHBOARD).content.decode()
    words = re.sub(r"<[^>]+>", "", page)
    assert "No worker is running for telegram, second; 3 tasks wait." in words


def test_a_hold_is_told_in_words_and_as_text() -> None:
    queue_of("telegram").hold("breaker:api.example.org:443", 60, "api.example.org unreachable over IPv6 <b>")
    page = client_of("viewer").get(DASHBOARD).content.decode()
    assert "unreachable over IPv6 &lt;b&gt;" in page


def test_the_confirmation_states_the_count() -> None:
    fill("telegram", pending=2, delayed=5, failed=3)
    client = client_of("operator")
    assert "3 failed tasks" in client.get(f"{DASHBOARD}telegram/retry-failed/").content.decode()
    page = client.get(f"{DASHBOARD}telegram/clear/").content.decode()
    assert all(words in page for words in ("2 pending", "5 delayed", "3 failed"))


@pytest.fixture
def operator() -> Client:
    return client_of("operator")


def test_retry_failed_brings_them_back_says_how_many_and_is_logged(operator: Client) -> None:
    fill("telegram", failed=3)
    page = operator.post(f"{DASHBOARD}telegram/retry-failed/", follow=True)
    assert page.redirect_chain == [(DASHBOARD, 302)]
    assert "3 tasks are back in the queue." in page.content.decode()
    assert queue_of("telegram").stats().pending_count == 3
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.object_repr) == ("operator", "telegram: retry-failed: 3 tasks")


@pytest.mark.django_db(transaction=True)
def test_retry_failed_is_offered_for_records_whose_dead_letters_are_gone_and_brings_them_back_in_pieces(
    operator: Client, destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncqueue.admin.operations.PIECE", 2)
    for number in range(5):
        add_record(destination, number, "unknown" if number == 3 else "failed")
    add_record(destination, 5, "abandoned")
    assert "telegram/retry-failed/" in operator.get(DASHBOARD).content.decode()
    asked = operator.get(f"{DASHBOARD}telegram/retry-failed/").content.decode()
    assert "5 objects that failed, or are held because a response was lost, are synced again" in asked

    page = operator.post(f"{DASHBOARD}telegram/retry-failed/", follow=True).content.decode()

    assert "5 tasks are back in the queue." in page
    assert queue_of("telegram").stats().pending_count == 5
    states = SyncRecord.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == ["waiting"] * 5 + ["abandoned"]
    assert LogEntry.objects.get().object_repr == "telegram: retry-failed: 5 tasks"


@pytest.mark.django_db(transaction=True)
def test_retry_failed_counts_a_record_with_a_dead_letter_once(operator: Client, destination: Destination) -> None:
    dead = add_record(destination, 1, "failed")
    queue = queue_of("telegram")
    queue.enqueue(record_task("telegram", dead.pk, "notes.note:1"))
    (claimed,) = queue.claim(1).tasks
    queue.fail(claimed, AttemptNote(at=timezone.now(), seconds=0.1, outcome="failure", error="refused"))
    add_record(destination, 2, "failed")
    page = operator.post(f"{DASHBOARD}telegram/retry-failed/", follow=True).content.decode()
    assert "2 tasks are back in the queue." in page
    assert queue.stats().pending_count == 2


def add_record(destination: Destination, number: int, state: str) -> SyncRecord:
    """A record of an object in a state; no task is about it."""
    return SyncRecord.objects.create(
        source="notes.note", object_pk=str(number), destination=destination, service="telegram", state=state
    )


def test_clear_takes_out_the_states_chosen_and_no_other(operator: Client) -> None:
    fill("telegram", pending=2, failed=3)
    page = operator.post(f"{DASHBOARD}telegram/clear/", {"states": ["failed"]}, follow=True)
    assert "3 tasks are cleared." in page.content.decode()
    stats = queue_of("telegram").stats()
    assert (stats.pending_count, stats.failed_count) == (2, 0)


@pytest.mark.parametrize("states", [[], ["processing"], ["nonsense"]])
def test_clear_without_a_state_that_can_be_cleared_asks_again(operator: Client, states: list[str]) -> None:
    fill("telegram", pending=2, processing=1)
    page = operator.post(f"{DASHBOARD}telegram/clear/", {"states": states})
    assert page.status_code == 200
    assert 'class="errorlist"' in page.content.decode()
    assert queue_of("telegram").stats().pending_count == 2


def test_resume_is_offered_while_a_rate_limit_stands_and_ends_it(operator: Client) -> None:
    assert "telegram/resume/" not in operator.get(DASHBOARD).content.decode()
    queue_of("telegram").hold("rate:destination:1", 86_400, "Too many requests.")
    assert "telegram/resume/" in operator.get(DASHBOARD).content.decode()
    assert "Rate limits are lifted now" in operator.get(f"{DASHBOARD}telegram/resume/").content.decode()
    operator.post(f"{DASHBOARD}telegram/resume/", follow=True)
    assert queue_of("telegram").holds() == []


def test_pause_and_resume_are_kept_in_the_policy_and_shown(operator: Client) -> None:
    page = operator.post(f"{DASHBOARD}telegram/pause/", follow=True).content.decode()
    assert "The service is paused." in page and "telegram/resume/" in page
    assert ServicePolicy.objects.get(service="telegram").paused
    page = operator.post(f"{DASHBOARD}telegram/resume/", follow=True).content.decode()
    assert "telegram/pause/" in page
    assert not ServicePolicy.objects.get(service="telegram").paused


def test_recover_leaves_living_leases_alone(operator: Client) -> None:
    fill("telegram", processing=1)
    page = operator.post(f"{DASHBOARD}telegram/recover/", follow=True)
    assert "0 tasks are recovered." in page.content.decode()


@pytest.mark.parametrize("path", ["nowhere/pause/", "telegram/explode/"])
def test_an_unknown_service_or_operation_is_not_found(operator: Client, path: str) -> None:
    assert operator.get(DASHBOARD + path).status_code == 404


@pytest.mark.usefixtures("redis_away")
def test_without_redis_the_page_renders_and_says_so(operator: Client) -> None:
    page = operator.get(DASHBOARD)
    assert page.status_code == 200
    assert "Redis cannot be reached" in page.content.decode()
    assert "telegram" in page.content.decode()


@pytest.mark.usefixtures("redis_away")
@pytest.mark.parametrize("operation", OPERATIONS)
def test_without_redis_an_operation_says_so_instead_of_crashing(operator: Client, operation: str) -> None:
    asked = operator.get(f"{DASHBOARD}telegram/{operation}/")
    assert asked.status_code == 200
    done = operator.post(f"{DASHBOARD}telegram/{operation}/", {"states": ["failed"]}, follow=True)
    assert done.status_code == 200
    assert "Redis" in done.content.decode()


def test_without_services_the_page_says_how_to_get_one(operator: Client, settings: Any) -> None:
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "HANDLERS": {}}
    assert "No service is enabled" in operator.get(DASHBOARD).content.decode()


def test_broken_settings_are_named_on_the_page(operator: Client, settings: Any) -> None:
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "HANDLERZ": {}}
    page = operator.get(DASHBOARD)
    assert page.status_code == 200
    assert "HANDLERZ" in page.content.decode()


def test_the_environment_is_on_every_page_of_the_app(settings: Any) -> None:
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "ENVIRONMENT": "<b>staging"}
    client = client_of("operator", "view_destination", "add_destination", "view_servicepolicy", "add_servicepolicy")
    pages = ["queue/", "queue/telegram/pause/", "destination/", "destination/add/", "syncrecord/", "servicepolicy/"]
    pages += ["destination/add/?service=telegram", "servicepolicy/add/"]
    for path in pages:
        assert "&lt;b&gt;staging" in client.get(f"/admin/syncqueue/{path}").content.decode(), path


def test_pages_have_no_inline_script_or_style(operator: Client) -> None:
    fill("telegram", pending=1, failed=1)
    for path in ("", "telegram/clear/"):
        page = operator.get(DASHBOARD + path).content.decode()
        assert "<style" not in page and " style=" not in page
        assert all("src=" in tag.partition(">")[0] for tag in page.split("<script")[1:])
