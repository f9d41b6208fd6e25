"""The recipes of docs/howto/recipes.md, each as written, with Telegram, Mastodon and Manticore at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

import syncqueue
from project.sandbox.testing import RunningSandbox
from syncqueue.models import Destination, SyncRecord
from syncqueue.sources.registry import unregister
from tests.docs.pages import blocks
from tests.fitapp.models import Post
from tests.integration.sync.scene import configure, make_destination, methods, texts, work

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = Path(__file__).resolve().parents[3] / "docs/howto/recipes.md"
MODEL, TEXT, CHOICE, CATEGORIES, DRAFTS, TRASH, RESTORED, PROPERTY, OWN = [block.text for block in blocks(PAGE)]


class PostSync(syncqueue.ModelSync):
    """What a site has before it follows a recipe."""

    created_field = "created_at"
    changed_field = "updated_at"

    def document(self, post: Post) -> syncqueue.Document:
        """Title and text."""
        return syncqueue.Document(text=post.text, title=post.title, url=f"https://blog.example/{post.pk}/")


@pytest.fixture
def follow() -> Iterator[Callable[[str], None]]:
    """Register posts as a recipe says."""

    def register(recipe: str) -> None:
        names: dict[str, Any] = {"syncqueue": syncqueue}
        exec(compile(recipe, str(PAGE), "exec"), names)  # noqa: S102 - our own page
        own = {name: value for name, value in names.items() if name in dir(syncqueue.ModelSync)}
        syncqueue.register(Post)(type("PostSync", (PostSync,), own))

    yield register
    unregister(Post)


@pytest.fixture(autouse=True)
def services(own_site: None, patient: None, sandbox: RunningSandbox) -> None:
    """All three are on, and stand on this machine."""
    handlers = settings.SYNCQUEUE["HANDLERS"] | {
        "mastodon": {},
        "manticore": {"OPTIONS": {"URL": sandbox.manticore_url}},
    }
    configure(HANDLERS=handlers, ALLOWED_PRIVATE_HOSTS=["127.0.0.1", "localhost"])


@pytest.fixture
def account(sandbox: RunningSandbox) -> Destination:
    """The site's Mastodon account."""
    row = Destination(name="@notes", service="mastodon", address=sandbox.mastodon_url)
    row.secret = {"access_token": sandbox.mastodon_token}
    row.save()
    return row


@pytest.fixture
def index() -> Destination:
    """The site's search index."""
    return Destination.objects.create(name="index", service="manticore", address="posts", start_at=None)


@pytest.fixture
def author() -> User:
    """Who writes the posts."""
    return User.objects.create_user("author")


@pytest.fixture
def write(author: User) -> Callable[..., Post]:
    """A new post."""
    return lambda **values: Post.objects.create(**{"author": author, "title": "Tea", "text": "All of tea", **values})


def statuses(sandbox: RunningSandbox) -> list[str]:
    """What the followers of the account read."""
    return [status["text"] for status in sandbox.statuses()]


def change(post: Post, **values: Any) -> None:
    """Save other values."""
    for name, value in values.items():
        setattr(post, name, value)
    post.save()


def assert_all_is_done() -> None:
    """Nothing has failed, and nothing waits."""
    work()
    assert set(SyncRecord.objects.values_list("state", "error")) <= {("synced", "")}


def test_the_models_of_the_page_are_the_tests_own() -> None:
    fields = [line.strip() for line in MODEL.splitlines() if " = models." in line]
    own = Path(__file__).resolve().parents[2].joinpath("fitapp/models.py").read_text()
    assert fields and [field for field in fields if field not in own] == []
    assert PROPERTY.splitlines()[-1].strip() in own


def test_a_text_for_one_service(
    follow: Any, write: Any, channel: Destination, account: Destination, sandbox: RunningSandbox
) -> None:
    follow(TEXT)
    post = write()
    short = f"Tea\n\nhttps://blog.example/{post.pk}/"
    assert (texts(sandbox), statuses(sandbox)) == (["All of tea"], [short])
    change(post, text="More of tea")
    assert (texts(sandbox), statuses(sandbox)) == (["More of tea"], [short])
    assert not [entry for entry in methods(sandbox) if entry.startswith("PUT")]
    assert_all_is_done()


def test_a_choice_for_each_post(
    follow: Any, write: Any, channel: Destination, account: Destination, sandbox: RunningSandbox
) -> None:
    follow(CHOICE)
    post = write(on_mastodon=False)
    assert (texts(sandbox), statuses(sandbox)) == (["All of tea"], [])
    change(post, on_mastodon=True)
    assert statuses(sandbox) == ["All of tea"]
    change(post, on_mastodon=False)
    assert (texts(sandbox), statuses(sandbox)) == (["All of tea"], [])
    assert_all_is_done()


def test_categories(follow: Any, write: Any, account: Destination, sandbox: RunningSandbox) -> None:
    follow(CATEGORIES)
    make_destination(sandbox, "@news", name="kitchen")
    make_destination(sandbox, "@drafts", name="platform")
    post = write(category="food")
    assert (texts(sandbox), texts(sandbox, "@drafts"), statuses(sandbox)) == (["All of tea"], [], ["All of tea"])
    change(post, category="rail")
    assert (texts(sandbox), texts(sandbox, "@drafts"), statuses(sandbox)) == ([], ["All of tea"], ["All of tea"])
    assert_all_is_done()


def test_drafts(follow: Any, write: Any, channel: Destination, sandbox: RunningSandbox) -> None:
    follow(DRAFTS)
    post = write()
    Post.objects.update(created_at=timezone.now() - timedelta(days=30))
    post.refresh_from_db()
    assert texts(sandbox) == []
    change(post, published_at=timezone.now())
    assert texts(sandbox) == ["All of tea"]
    change(post, published_at=None)
    assert texts(sandbox) == []
    assert_all_is_done()


def test_the_trash_stays_in_the_search_index(
    follow: Any, write: Any, channel: Destination, index: Destination, sandbox: RunningSandbox
) -> None:
    follow(TRASH)
    post = write()
    assert [row["deletedat"] for row in sandbox.documents("posts")] == [0]
    change(post, deleted_at=timezone.now())
    assert texts(sandbox) == []
    assert [(row["content"], row["deletedat"] > 0) for row in sandbox.documents("posts")] == [("All of tea", True)]
    post.delete()
    work()
    assert sandbox.documents("posts") == []


def test_a_restored_post_is_posted_again(
    follow: Any, write: Any, channel: Destination, sandbox: RunningSandbox
) -> None:
    follow(RESTORED)
    post = write()
    change(post, deleted_at=timezone.now())
    assert texts(sandbox) == []
    Post.objects.update(created_at=timezone.now() - timedelta(days=30))
    post.refresh_from_db()
    change(post, deleted_at=None)
    assert texts(sandbox) == []  # older than the destination
    change(post, deleted_at=None, restored_at=timezone.now())
    assert texts(sandbox) == ["All of tea"]
    assert_all_is_done()


def test_own_channel_and_site_index(
    follow: Any, write: Any, channel: Destination, index: Destination, author: User, sandbox: RunningSandbox
) -> None:
    follow(OWN)
    make_destination(sandbox, "@drafts", name="mine", owner=author)
    post = write()
    assert (texts(sandbox), texts(sandbox, "@drafts")) == ([], ["All of tea"])
    assert [row["content"] for row in sandbox.documents("posts")] == ["All of tea"]
    told = {one.destination: one.text.split(" since")[0] for one in syncqueue.explain(post)}
    assert told == {
        "mine": "has been up to date",
        "index": "has been up to date",
        "@news": "not there, because the site does not send it there.",
    }
    assert_all_is_done()
