"""The sandbox's OAuth is as strict as Mastodon's: what is not in order is sent nowhere, and a code is good for once."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from project.sandbox.testing import RunningSandbox

BACK = "https://site.example/callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture
def app(sandbox: RunningSandbox) -> dict[str, Any]:
    form = {"client_name": "A site", "redirect_uris": BACK, "scopes": "read:accounts write:statuses"}
    return dict(post(sandbox, "/api/v1/apps", form).raise_for_status().json())


def post(sandbox: RunningSandbox, path: str, form: dict[str, Any]) -> httpx.Response:
    return httpx.post(sandbox.mastodon_url + path, data=form, trust_env=False)


def question(app: dict[str, Any], **changed: str) -> dict[str, str]:
    asked = {
        "response_type": "code", "client_id": app["client_id"], "redirect_uri": BACK, "scope": "write:statuses",
        "state": "s", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    }  # fmt: skip
    return asked | changed


def code_of(sandbox: RunningSandbox, app: dict[str, Any]) -> str:
    answer = post(sandbox, "/oauth/authorize", question(app, account="notes"))
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert query["state"] == ["s"]
    return query["code"][0]


def exchange(sandbox: RunningSandbox, app: dict[str, Any], code: str, **changed: str) -> httpx.Response:
    form = {
        "grant_type": "authorization_code", "code": code, "client_id": app["client_id"],
        "client_secret": app["client_secret"], "redirect_uri": BACK, "code_verifier": VERIFIER,
    }  # fmt: skip
    return post(sandbox, "/oauth/token", form | changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "x"},
        {"redirect_uri": "https://evil.example/"},
        {"scope": "write:media"},
        {"response_type": "token"},
        {"code_challenge_method": "plain"},
    ],
)
def test_a_question_that_is_not_in_order_is_sent_nowhere(
    changed: dict[str, str], sandbox: RunningSandbox, app: dict[str, Any]
) -> None:
    asked = question(app, **changed)
    assert httpx.get(f"{sandbox.mastodon_url}/oauth/authorize", params=asked, trust_env=False).status_code == 400
    assert post(sandbox, "/oauth/authorize", asked | {"account": "notes"}).status_code == 400


def test_a_token_opens_its_account_and_its_code_is_good_for_once(sandbox: RunningSandbox, app: dict[str, Any]) -> None:
    code = code_of(sandbox, app)
    token = exchange(sandbox, app, code).raise_for_status().json()["access_token"]
    address = f"{sandbox.mastodon_url}/api/v1/accounts/verify_credentials"
    who = httpx.get(address, headers={"Authorization": f"Bearer {token}"}, trust_env=False)
    assert who.json()["username"] == "notes"
    assert exchange(sandbox, app, code).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"client_secret": "x"}, "invalid_client"),
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"redirect_uri": "https://evil.example/"}, "invalid_grant"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_a_code_is_exchanged_for_whom_it_was_issued_alone(
    changed: dict[str, str], error: str, sandbox: RunningSandbox, app: dict[str, Any]
) -> None:
    assert exchange(sandbox, app, code_of(sandbox, app), **changed).json()["error"] == error


def test_neither_codes_nor_secrets_stand_in_the_log(sandbox: RunningSandbox, app: dict[str, Any]) -> None:
    code = code_of(sandbox, app)
    exchange(sandbox, app, code)
    assert code not in str(sandbox.log()) and app["client_secret"] not in str(sandbox.log())
