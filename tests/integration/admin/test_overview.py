"""What the dashboard says in words and draws: notices, charts, outages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from syncqueue.admin.charts import HEIGHT, SPANS, chart
from syncqueue.admin.overview import minute_rate, overview
from syncqueue.core.duty import DutyState
from syncqueue.models import Destination, SyncRecord
from syncqueue.presentation.outages import outage_words
from syncqueue.queue.inspect import Outage, PeriodCount
from tests.integration.admin.conftest import HTML
from tests.integration.api.people import client_of
from tests.integration.api.seeds import fill, keep_alive, queue_of

pytestmark = pytest.mark.django_db
DASHBOARD = "/admin/syncqueue/queue/"
NOON = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def told() -> list[str]:
    """The notices, without the one about workers."""
    return [notice.text for notice in overview().notices if "No worker" not in notice.text]


def period(processed: int = 0, retried: int = 0, failed: int = 0, minute: int = 0) -> PeriodCount:
    return PeriodCount(
        at=NOON + timedelta(minutes=minute), processed_count=processed, retried_count=retried, failed_count=failed
    )


# Notices


def test_duties_that_fail_are_told_on_the_dashboard_and_on_the_page_of_the_workers() -> None:
    since = timezone.now() - timedelta(hours=2)
    keep_alive(
        DutyState(name="sweep notes.note", since=since, error=f"no route, {HTML}"),
        DutyState(name="look for deleted objects", since=since, error="no table"),
        DutyState(name="a later version's", since=since, error="no idea"),
    )
    sentences = told()
    assert sentences[0].startswith("Looking for changes of notes.note has been failing since ")
    assert sentences[0].endswith(f" and is tried again: no route, {HTML}")
    assert sentences[1].startswith("Looking for deleted objects has been failing since ")
    assert sentences[2].startswith("a later version's has been failing since ")
    viewer = client_of("viewer")
    for path in ("", "workers/"):
        page = viewer.get(f"{DASHBOARD}{path}").content.decode()
        assert "Looking for changes of notes.note has been failing since " in page
        assert HTML not in page


def test_a_refused_credential_is_named_with_its_reason_and_what_waits(destination: Destination) -> None:
    Destination.objects.update(broken_reason=f"Unauthorized {HTML}", broken_at=timezone.now())
    for pk in range(14):
        SyncRecord.objects.create(
            source="notes.note", object_pk=str(pk), destination=destination, service="telegram", state="waiting"
        )
    (sentence,) = told()
    assert sentence.startswith("telegram: @news has been refused since ")
    assert sentence.endswith(f"(Unauthorized {HTML}); 14 objects wait.")
    page = client_of("viewer", "view_destination").get(DASHBOARD).content.decode()
    assert "Unauthorized &lt;script&gt;" in page and HTML not in page
    assert f"destination/{destination.pk}/change/" in page


def test_a_notice_leads_nowhere_for_those_who_may_not_go_there(destination: Destination) -> None:
    Destination.objects.update(broken_reason="Unauthorized", broken_at=timezone.now())
    page = client_of("viewer").get(DASHBOARD).content.decode()
    assert "has been refused since" in page and f"destination/{destination.pk}/change/" not in page


def test_failed_tasks_wait_for_a_decision() -> None:
    fill("telegram", failed=2)
    assert told() == ["telegram: 2 tasks failed and wait for a decision: retry or delete them."]


def test_held_records_are_named(record: SyncRecord) -> None:
    SyncRecord.objects.update(state="unknown")
    (sentence,) = told()
    assert sentence.startswith("1 object is held because a response was lost")


def test_failed_records_without_a_dead_letter_are_named(record: SyncRecord) -> None:
    SyncRecord.objects.update(state="failed", service="telegram")
    (sentence,) = told()
    assert sentence.startswith("telegram: 1 object failed, and Redis no longer has its task")
    fill("telegram", failed=1)
    assert told() == ["telegram: 1 task failed and waits for a decision: retry or delete it."]


def test_a_pause_names_what_waits() -> None:
    fill("telegram", pending=2)
    queue_of("telegram").hold("pause", None, "Paused by ann.")
    assert told() == ["telegram is paused; 2 tasks wait until someone resumes it."]


def test_what_ends_by_itself_comes_after_what_does_not() -> None:
    queue_of("telegram").hold("breaker:api.example.org:443", 60, "api.example.org unreachable over IPv6.")
    fill("telegram", failed=1)
    first, second = told()
    assert "1 task failed" in first
    assert second.startswith("telegram: api.example.org unreachable over IPv6, since ")
    assert second.endswith("0 messages wait and will be sent automatically.")


def test_an_endpoint_that_is_out_of_order_is_named_with_its_answer_and_since_when() -> None:
    queue_of("telegram").hold("breaker:mastodon.example:443", 60, "The instance answers 503.")
    (sentence,) = told()
    assert sentence.startswith("telegram: mastodon.example: The instance answers 503, since ")
    page = client_of("viewer").get(DASHBOARD).content.decode()
    assert "<strong>mastodon.example: The instance answers 503.</strong>" in page


def test_no_token_is_shown_in_a_reason() -> None:
    token = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
    queue_of("telegram").hold("breaker:api.example.org:443", 60, f"https://api.example.org/bot{token}/x")
    assert token not in client_of("viewer").get(DASHBOARD).content.decode()


def test_when_all_is_well_that_is_said(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncqueue.admin.attention._without_worker", lambda cards: [])
    assert "Nothing needs your attention" in client_of("viewer").get(DASHBOARD).content.decode()


def test_a_hold_of_a_destination_leads_to_its_page(destination: Destination) -> None:
    queue_of("telegram").hold(f"stopped:destination:{destination.pk}", None, "The bot was kicked.")
    page = client_of("viewer").get(DASHBOARD).content.decode()
    assert f'<a href="/admin/syncqueue/destination/{destination.pk}/change/">@news</a>: The bot was kicked.' in page


def test_the_breaker_is_named_only_while_it_says_something() -> None:
    client, queue = client_of("viewer"), queue_of("telegram")
    assert "Connection" not in client.get(DASHBOARD).content.decode()
    queue.hold("breaker:api.example.org:443", 60, "unreachable")
    assert "unreachable; it is probed at intervals" in client.get(DASHBOARD).content.decode()


def test_the_rate_counts_the_running_minute_in_proportion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOON + timedelta(seconds=30))
    assert minute_rate([period(processed=9)]) == 9.0
    whole = [period(processed=10, minute=-n) for n in range(5, 0, -1)]
    assert minute_rate([*whole, period(processed=5)]) == 10.0


# Live


def test_the_live_part_is_what_the_dashboard_holds() -> None:
    fill("telegram", pending=3)
    client = client_of("viewer")
    part = client.get(f"{DASHBOARD}live/").content.decode()
    assert "<html" not in part and 'data-key="card-telegram"' in part
    assert f'data-syncqueue-live="{DASHBOARD}live/?span=day"' in client.get(f"{DASHBOARD}?span=day").content.decode()


# Charts


def test_columns_stand_on_each_other_and_the_tallest_fills_the_height() -> None:
    drawn = chart([period(processed=6, retried=2, failed=2), period(), period(processed=5)], SPANS["hour"])
    first, second = drawn.columns
    assert [bar.kind for bar in first.bars] == ["processed", "retried", "failed"]
    assert first.bars[-1].y == pytest.approx(0)
    assert sum(bar.height for bar in first.bars) == pytest.approx(HEIGHT)
    assert [bar.height for bar in second.bars] == [pytest.approx(HEIGHT / 2)]
    assert (drawn.processed_count, drawn.retried_count, drawn.failed_count) == (11, 2, 2)
    assert drawn.words == "last hour: 11 processed, 2 retried, 2 failed"


def test_one_among_thousands_is_still_seen_and_stays_inside() -> None:
    drawn = chart([period(processed=100_000, failed=1)], SPANS["hour"])
    assert all(bar.height >= 1 and bar.y >= 0 for bar in drawn.columns[0].bars)


@pytest.mark.parametrize("span", [*SPANS, "nonsense"])
def test_each_span_is_drawn_in_words_and_numbers(span: str) -> None:
    fill("telegram", failed=2)
    page = client_of("viewer").get(DASHBOARD, {"span": span}).content.decode()
    label = SPANS[span].label if span in SPANS else "last hour"
    assert f'aria-label="{label}: 0 processed, 0 retried, 2 failed"' in page
    assert "syncqueue-bar-failed" in page


def test_numbers_in_drawings_have_points_in_every_language(settings: Any) -> None:
    settings.LANGUAGE_CODE = "de"
    fill("telegram", failed=1)
    page = client_of("viewer").get(DASHBOARD).content.decode()
    drawing = page[page.index("<rect") : page.index("</svg>")]
    assert "," not in drawing.split("/>")[0]


# Outages


def outage(**values: Any) -> Outage:
    counts = {"waiting": 0, "delivered": 143, "failed": 0, "doubtful": 0} | values
    until = counts.pop("until_at", NOON + timedelta(hours=2, minutes=10))
    named = {f"{name}_count": count for name, count in counts.items()}
    return Outage(endpoint="api.example.org:443", since_at=NOON, until_at=until, **named)


@pytest.mark.parametrize(
    ("values", "end"),
    [
        ({}, "for 2 h 10 min until Jan. 1, 2026, 2:10 p.m.; 143 messages waited: all delivered, 0 doubled."),
        ({"delivered": 140, "failed": 3}, "143 messages waited: 140 delivered, 3 failed, 0 doubled."),
        ({"delivered": 100, "waiting": 43}, "100 delivered, 43 in progress, 0 doubled."),
        ({"doubtful": 2}, "all delivered, 2 possibly doubled."),
        ({"until_at": None, "waiting": 7, "delivered": 0}, "away since Jan. 1, 2026, noon; 7 messages waited so far."),
    ],
)
def test_one_line_sums_an_outage_up(values: dict[str, Any], end: str) -> None:
    sentence = outage_words("telegram", outage(**values))
    assert sentence.startswith("telegram (api.example.org:443) ")
    assert sentence.endswith(end)


# Percentiles


def test_a_card_shows_how_long_tasks_wait_and_attempts_take() -> None:
    assert "Attempt time" not in client_of("viewer").get(DASHBOARD).content.decode()
    fill("telegram", pending=1)
    queue = queue_of("telegram")
    queue.ack(*queue.claim(1).tasks, seconds=[0.2])
    page = client_of("operator").get(f"{DASHBOARD}live/").content.decode()
    assert "p50 ≤ 0.25 s, p95 ≤ 0.25 s" in page
    assert "Waiting time" in page and page.count("upper bounds of the buckets") == 2
