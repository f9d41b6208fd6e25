"""Policies in the admin: the pause is mirrored into the queue."""

from typing import Any

import pytest
from django.test import Client

from syncqueue.models import ServicePolicy
from tests.integration.api.people import ROLES, client_of
from tests.integration.api.seeds import queue_of

pytestmark = pytest.mark.django_db

LIST = "/admin/syncqueue/servicepolicy/"


@pytest.fixture
def editor() -> Client:
    codenames = [f"{verb}_servicepolicy" for verb in ("add", "change", "delete", "view")]
    return client_of("operator", *codenames)


@pytest.mark.parametrize("role", ROLES)
def test_seeing_queues_is_not_changing_policies(role: str) -> None:
    answer = client_of(role).get(f"{LIST}add/")
    assert answer.status_code == (302 if role in ("anonymous", "member") else 403)


def test_a_policy_is_for_a_service_of_the_settings(editor: Client) -> None:
    page = editor.get(f"{LIST}add/").content.decode()
    assert '<option value="telegram">' in page and '<option value="second">' in page
    assert editor.post(f"{LIST}add/", {"service": "nowhere"}).status_code == 200
    assert not ServicePolicy.objects.exists()


def test_each_figure_says_what_it_means_and_what_it_is_when_left_empty(editor: Client) -> None:
    policy = ServicePolicy.objects.create(service="telegram", max_retries=7)
    page = editor.get(f"{LIST}{policy.pk}/change/").content.decode()
    assert "3 allows 4 attempts. If empty: 3, from the settings." in page
    assert "If empty: 20, from the settings." in page


@pytest.mark.parametrize(
    ("figure", "wrong"), [("base_delay_seconds", "-1"), ("backoff_multiplier", "0.5"), ("concurrency", "0")]
)
def test_a_figure_that_the_settings_would_refuse_is_refused_with_what_it_may_be(
    editor: Client, figure: str, wrong: str
) -> None:
    answer = editor.post(f"{LIST}add/", {"service": "telegram", figure: wrong})
    assert "greater than or equal to" in answer.content.decode()
    assert not ServicePolicy.objects.exists()


def test_an_empty_figure_shows_what_is_in_force() -> None:
    page = client_of("operator", "view_servicepolicy", "change_servicepolicy")
    policy = ServicePolicy.objects.create(service="telegram")
    text = page.get(f"/admin/syncqueue/servicepolicy/{policy.pk}/change/").content.decode()
    assert 'placeholder="3"' in text


def test_saving_a_pause_holds_the_queue_and_deleting_the_policy_lets_it_go(
    editor: Client, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        editor.post(f"{LIST}add/", {"service": "telegram", "paused": "on", "concurrency": "3"})
    policy = ServicePolicy.objects.get()
    assert (policy.paused, policy.concurrency) == (True, 3)
    assert queue_of("telegram").stats().paused
    with django_capture_on_commit_callbacks(execute=True):
        editor.post(f"{LIST}{policy.pk}/delete/", {"post": "yes"})
    assert not ServicePolicy.objects.filter(paused=True).exists()
    assert not queue_of("telegram").stats().paused


@pytest.mark.usefixtures("redis_away")
def test_without_redis_the_policy_is_saved_and_the_page_says_so(
    editor: Client, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        answer = editor.post(f"{LIST}add/", {"service": "telegram", "paused": "on"})
    assert answer.status_code == 302
    assert ServicePolicy.objects.get().paused
