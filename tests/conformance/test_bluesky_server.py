"""What the sandbox answers is what the reference server answers: `make pytest-bluesky` runs the same on that."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from PIL import Image

from project.sandbox.testing import RunningSandbox, running_sandbox
from tests.conformance.bluesky import PACKAGES, ReferenceServer

COLLECTION = "app.bsky.feed.post"
KEY, OTHER_KEY = "3lbbbbbbbbb22", "3lbbbbbbbbb23"


class Client:
    """An account, called without the handler."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self.http = httpx.Client(base_url=f"{sandbox.bluesky_url}/xrpc/", trust_env=False, timeout=30)
        self.account = sandbox.bluesky_account
        opened = self.post("com.atproto.server.createSession", self.credential).json()
        self.did, self.access, self.refresh = opened["did"], opened["accessJwt"], opened["refreshJwt"]

    @property
    def credential(self) -> dict[str, str]:
        return {"identifier": self.account.handle, "password": self.account.password}

    def post(self, name: str, body: Any = None, token: str = "") -> httpx.Response:
        return self.http.post(name, json=body, headers={"Authorization": f"Bearer {token}"} if token else {})

    def do(self, name: str, **values: Any) -> httpx.Response:
        body = {"repo": self.did, "collection": COLLECTION, **values}
        return self.post(f"com.atproto.repo.{name}", body, self.access)

    def put(self, text: str, rkey: str = KEY, **values: Any) -> httpx.Response:
        return self.do("putRecord", rkey=rkey, record=record(text), **{"swapRecord": None, **values})

    def get(self, name: str, token: str = "", **params: Any) -> httpx.Response:
        return self.http.get(name, params=params, headers={"Authorization": f"Bearer {token}"} if token else {})

    def upload(self, content: bytes) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.access}", "Content-Type": "image/png"}
        answer = self.http.post("com.atproto.repo.uploadBlob", content=content, headers=headers)
        found: dict[str, Any] = answer.json()["blob"]
        return found


def record(text: str, **values: Any) -> dict[str, Any]:
    return {"$type": COLLECTION, "text": text, "createdAt": "2026-11-29T22:01:17.123456Z", **values}


def picture() -> bytes:
    """Another one each time."""
    output = io.BytesIO()
    Image.new("RGB", (8, 8), time.time_ns() % 0xFFFFFF).save(output, "PNG")
    return output.getvalue()


def shown(answer: httpx.Response) -> tuple[int, str]:
    """The status, and the name of the error."""
    return answer.status_code, answer.json().get("error", "")


@pytest.fixture(scope="module")
def running() -> Iterator[RunningSandbox]:
    """The sandbox, or the reference server behind it."""
    with ReferenceServer.start() if PACKAGES else running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def client(running: RunningSandbox) -> Iterator[Client]:
    """An account without posts."""
    running.reset()
    made = Client(running)
    yield made
    made.http.close()


def test_a_put_where_nothing_is_makes_a_record_and_the_same_once_more_changes_nothing(client: Client) -> None:
    first, second = client.put("Hello"), client.put("Hello")
    assert (first.status_code, second.status_code) == (200, 200)
    assert "commit" in first.json() and "commit" not in second.json()
    assert first.json()["cid"] == second.json()["cid"]
    assert first.json()["uri"] == f"at://{client.did}/{COLLECTION}/{KEY}"


def test_another_content_at_the_same_key_is_refused(client: Client) -> None:
    client.put("Hello")
    assert shown(client.put("Other")) == (400, "InvalidSwap")


def test_an_edit_names_what_it_replaces_and_may_be_repeated(client: Client) -> None:
    before = client.put("Hello").json()["cid"]
    assert client.put("Other", swapRecord=before).status_code == 200
    again = client.put("Other", swapRecord=before)
    assert (again.status_code, "commit" in again.json()) == (200, False)
    assert shown(client.put("Third", swapRecord=before)) == (400, "InvalidSwap")


def test_a_second_create_at_one_key_fails_inside(client: Client) -> None:
    assert client.do("createRecord", rkey=KEY, record=record("Hello")).status_code == 200
    assert client.do("createRecord", rkey=KEY, record=record("Hello")).status_code == 500


def test_what_is_deleted_is_gone_and_may_be_deleted_again(client: Client) -> None:
    client.put("Hello")
    assert "commit" in client.do("deleteRecord", rkey=KEY).json()
    assert client.do("deleteRecord", rkey=KEY).json() == {}
    gone = client.get("com.atproto.repo.getRecord", repo=client.did, collection=COLLECTION, rkey=KEY)
    assert shown(gone) == (400, "RecordNotFound")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("é" * 300, ""),
        ("é" * 301, "grapheme too big (maximum 300, got 301)"),
        ("👩‍👩‍👧‍👦" * 120, ""),
        ("👩‍👩‍👧‍👦" * 121, "string too big (maximum 3000, got 3025)"),
    ],
)
def test_a_text_has_three_hundred_graphemes_and_three_thousand_bytes(client: Client, text: str, words: str) -> None:
    answer = client.put(text)
    assert answer.status_code == (400 if words else 200)
    assert words in answer.json().get("message", "")


def test_a_key_is_a_tid(client: Client) -> None:
    assert shown(client.put("Hello", rkey="self-made")) == (400, "InvalidRequest")


def test_posts_are_listed_the_newest_first_page_by_page(client: Client) -> None:
    client.put("First")
    client.put("Second", rkey=OTHER_KEY)
    where = {"repo": client.did, "collection": COLLECTION, "limit": 1}
    first = client.get("com.atproto.repo.listRecords", **where).json()
    second = client.get("com.atproto.repo.listRecords", **where, cursor=first["cursor"]).json()
    assert [page["records"][0]["value"]["text"] for page in (first, second)] == ["Second", "First"]


def test_a_file_is_there_from_its_upload_until_its_last_post_goes(client: Client) -> None:
    content = picture()
    blob = client.upload(content)
    assert client.upload(content)["ref"] == blob["ref"]
    embed = {"$type": "app.bsky.embed.images", "images": [{"image": blob, "alt": "red"}]}

    def put(rkey: str) -> httpx.Response:
        return client.do("putRecord", rkey=rkey, record=record("Look", embed=embed), swapRecord=None)

    assert put(KEY).status_code == 200
    client.do("deleteRecord", rkey=KEY)
    assert shown(put(OTHER_KEY)) == (400, "BlobNotFound")


def test_a_description_of_a_picture_is_required(client: Client) -> None:
    embed = {"$type": "app.bsky.embed.images", "images": [{"image": client.upload(picture())}]}
    answer = client.do("putRecord", rkey=KEY, record=record("Look", embed=embed), swapRecord=None)
    assert shown(answer) == (400, "InvalidRequest")


def test_facets_are_not_looked_at(client: Client) -> None:
    feature = {"$type": "app.bsky.richtext.facet#tag", "tag": "x"}
    facets = [{"index": {"byteStart": 1, "byteEnd": 99}, "features": [feature]}] * 2
    assert client.do("putRecord", rkey=KEY, record=record("中", facets=facets), swapRecord=None).status_code == 200


def test_tokens_are_told_apart(client: Client) -> None:
    name = "com.atproto.server.getSession"
    assert client.get(name, client.access).json()["did"] == client.did
    assert shown(client.get(name, client.refresh)) == (400, "InvalidToken")
    assert shown(client.get(name, "eyJ0eXAi.e30.c2ln")) == (400, "InvalidToken")
    assert shown(client.get(name)) == (401, "AuthMissing")


def test_a_refresh_token_that_is_used_again_gives_the_same_next_one(client: Client) -> None:
    name = "com.atproto.server.refreshSession"
    first, second = (client.post(name, token=client.refresh).json() for _ in range(2))
    assert first["did"] == client.did
    assert first["refreshJwt"] == second["refreshJwt"] != client.refresh
    assert shown(client.post(name, token=client.access)) == (400, "InvalidToken")


def test_a_wrong_password_is_refused(client: Client) -> None:
    wrong = {**client.credential, "password": "wrong"}
    assert shown(client.post("com.atproto.server.createSession", wrong)) == (401, "AuthenticationRequired")


def test_handles_are_resolved(client: Client) -> None:
    name = "com.atproto.identity.resolveHandle"
    assert client.get(name, handle=client.account.handle).json() == {"did": client.did}
    assert shown(client.get(name, handle="nobody.test")) == (400, "HandleNotFound")
