"""The page "Coming from your own queue", followed as written on a site that has posted by its own means."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
import redis
from PIL import ImageFont

from project.sandbox.testing import RunningSandbox
from tests.docs.pages import blocks
from tests.docs.reader import reading
from tests.eventually import eventually
from tests.packaging.distributions import CHECKOUT

PAGE = CHECKOUT / "docs/howto/coming-from-your-own-queue.md"

# The site as it was, and what the sandbox asks for: it stands on this machine.
SETTINGS = """
INSTALLED_APPS += ["notes"]
DATABASES["default"]["OPTIONS"] = {
    "transaction_mode": "IMMEDIATE", "timeout": 60, "init_command": "PRAGMA journal_mode=WAL;",
}
"""
AT_THE_SANDBOX = """
from config.settings import *

if "SYNCQUEUE" in globals():
    SYNCQUEUE["KEY_PREFIX"] = os.environ["KEY_PREFIX"]
    SYNCQUEUE["ALLOWED_PRIVATE_HOSTS"] = ["127.0.0.1"]
    SYNCQUEUE["HANDLERS"]["telegram"]["OPTIONS"] = {"API_BASE_URL": os.environ["TELEGRAM_API_BASE_URL"]}
    SYNCQUEUE["HANDLERS"]["mastodon"]["OPTIONS"] = {"FONTS": [os.environ["FONT"]]}
    SYNCQUEUE["PROCESSING"] = {"RECONCILE_INTERVAL_SECONDS": 1}
"""


class OldSite:
    """The site in a folder, and the program that it has posted with."""

    def __init__(self, folder: Path, environment: Mapping[str, str], sandbox: RunningSandbox) -> None:
        self.folder = folder
        self.environment = environment
        self.sandbox = sandbox

    def run(self, *words: str, text: str = "") -> str:
        done = subprocess.run(
            [sys.executable, *words], cwd=self.folder, env=dict(self.environment), input=textwrap.dedent(text),
            text=True, capture_output=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def shell(self, text: str) -> str:
        """Run a script inside of the site."""
        return self.run("manage.py", "shell", text=text)

    def post(self, channel: str, text: str) -> str:
        """The old program posts to Telegram; returns what it keeps in its column."""
        url = f"{self.sandbox.telegram_url}/bot{self.sandbox.bot_token}/sendMessage"
        answer = httpx.post(url, json={"chat_id": channel, "text": text}, trust_env=False).raise_for_status()
        return f"{channel}:{answer.json()['result']['message_id']}"

    def toot(self, text: str, account: str = "notes") -> str:
        """The old program posts to Mastodon."""
        tokens = {"notes": self.sandbox.mastodon_token, "archive": self.sandbox.mastodon_second_token}
        answer = httpx.post(
            f"{self.sandbox.mastodon_url}/api/v1/statuses",
            json={"status": text},
            headers={"Authorization": f"Bearer {tokens[account]}"},
            trust_env=False,
        )
        return f"{account}:{answer.raise_for_status().json()['id']}"

    def messages(self, chat: str) -> dict[str, int]:
        return {message["text"]: message["message_id"] for message in self.sandbox.messages(chat)}

    def statuses(self, account: str = "@notes") -> dict[str, str]:
        found = self.sandbox.statuses(account)
        assert len({status["text"] for status in found}) == len(found)  # nothing stands there twice
        return {status["text"]: status["visibility"] for status in found}


def made(folder: Path, environment: Mapping[str, str], sandbox: RunningSandbox) -> OldSite:
    """The site before the first step of the page."""
    site = OldSite(folder, environment, sandbox)
    plain = {**environment, "DJANGO_SETTINGS_MODULE": "config.settings"}
    for words in (("startproject", "config", "."), ("startapp", "notes")):
        OldSite(folder, plain, sandbox).run("-m", "django", *words)
    with (folder / "config/settings.py").open("a") as settings:
        settings.write(SETTINGS)
    (folder / "config/at_the_sandbox.py").write_text("import os\n" + AT_THE_SANDBOX)
    (folder / "notes/models.py").write_text(blocks(PAGE)[0].text)
    site.run("manage.py", "makemigrations", "notes")
    site.run("manage.py", "migrate")
    return site


LONG = "A long note that has to be a picture, because no status holds so many words. " * 10


def font(folder: Path) -> Path:
    """A font file, so that the fonts of a machine do not decide whether texts become pictures."""
    path = folder / "font.ttf"
    path.write_bytes(ImageFont.load_default(36).path.getvalue())  # type: ignore[union-attr]
    return path


def rows(sandbox: RunningSandbox) -> dict[str, bool]:
    """What the site's search finds, and whether it is in the trash."""
    return {row["content"]: row["deletedat"] > 0 for row in sandbox.documents("notes_index")}


@pytest.mark.processes
def test_the_page_brings_a_site_over_with_every_note_once(
    tmp_path: Path, sandbox: RunningSandbox, redis_url: str
) -> None:
    old_url = redis_url
    environment = {
        **{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(CHECKOUT),
        "DJANGO_SETTINGS_MODULE": "config.at_the_sandbox",
        "KEY_PREFIX": uuid.uuid4().hex,
        "TELEGRAM_API_BASE_URL": sandbox.telegram_url,
        "REDIS_URL": redis_url,
        "OLD_REDIS_URL": old_url,
        "MANTICORE_URL": sandbox.manticore_url,
        "FONT": str(font(tmp_path)),
    }
    site = made(tmp_path, environment, sandbox)
    deleted = site.post("@news", "Deleted")
    posted = {
        "both": (site.post("@news", "Posted"), site.toot("Posted")),
        "private": (site.post("@news", "Private now"), site.toot("Private now")),
        "trash": (site.post("@news", "In the trash"), ""),
        "halves": (f"{site.post('@news', 'One')},{site.post('@news', 'half')}", ""),
        "edited": (site.post("@news", "Before the edit"), site.toot("Before the edit")),
        "rail": (site.post("@drafts", "A train"), site.toot("A train", "archive")),
        "untagged": (site.post("@drafts", "No train any more"), site.toot("No train any more", "archive")),
    }
    site.shell(f"""
        from django.contrib.auth.models import User
        from django.utils import timezone
        from notes.models import Note, SyncSetting
        ann, ben = User.objects.create_user("ann"), User.objects.create_user("ben")
        token, mastodon = {sandbox.bot_token!r}, {sandbox.mastodon_url!r}
        SyncSetting.objects.create(user=ann, service="telegram", channel="@news", token=token, sync_type="public")
        SyncSetting.objects.create(user=ann, service="mastodon", channel="notes", instance=mastodon,
                                   token={sandbox.mastodon_token!r}, sync_type="all")
        SyncSetting.objects.create(user=ben, service="telegram", channel="@drafts", token=token, sync_type="tag",
                                   tag="rail")
        SyncSetting.objects.create(user=ben, service="mastodon", channel="archive", instance=mastodon,
                                   token={sandbox.mastodon_second_token!r}, sync_type="public")
        def note(key, owner, text, **values):
            telegram, mastodon = {posted!r}.get(key, ("", ""))
            Note.objects.create(owner=owner, text=text, telegram_copies=telegram, mastodon_copies=mastodon, **values)
        note("both", ann, "Posted")
        note("private", ann, "Private now", is_private=True)
        note("trash", ann, "In the trash", deleted_at=timezone.now())
        note("halves", ann, "One half and the other")
        note("edited", ann, "After the edit")
        note("rail", ben, "A train", tags="rail")
        note("untagged", ben, "No train any more")
        note("new", ann, "Waits to be posted")
        note("long", ann, {LONG!r})
        note("secret", ben, "A train by night", tags="rail", is_private=True)
    """)
    lists = redis.Redis.from_url(old_url)
    lists.rpush("notes:queue:telegram", *map(json.dumps, [{"note": 8, "action": "create"}] * 2))
    lists.rpush("notes:queue:telegram:processing", json.dumps({"note": 5, "action": "update"}))
    lists.rpush("notes:queue:telegram:failed", json.dumps({"note": 99, "action": "delete", "copies": deleted}))
    lists.rpush("notes:queue:mastodon", *map(json.dumps, [{"note": 5, "action": "update"}, {"note": 8}]))
    lists.rpush("notes:queue:mastodon", json.dumps({"note": 4, "action": "create"}))

    yours = {"REDIS_URL": redis_url, "OLD_REDIS_URL": old_url, "MANTICORE_URL": sandbox.manticore_url}
    with reading(PAGE, folder=tmp_path, yours=yours, environment=environment):

        def is_over() -> None:
            assert set(site.messages("@news")) == {
                "Posted", "One half and the other", "After the edit", "Waits to be posted", LONG.strip(),
            }  # fmt: skip
            assert len(sandbox.messages("@news")) == 5
            assert {text.split("\n")[0] for text in site.messages("@drafts")} == {"A train", "A train by night"}
            assert site.statuses("@archive") == {"A train": "public", "No train any more": "public"}
            assert site.statuses() == {
                "Posted": "public", "Private now": "private", "After the edit": "public",
                "Waits to be posted": "public", "One half and the other": "public", "": "public",
            }  # fmt: skip
            assert rows(sandbox) == {
                "Posted": False, "Private now": False, "In the trash": True, "One half and the other": False,
                "After the edit": False, "A train": False, "No train any more": False, "Waits to be posted": False,
                LONG: False, "A train by night": False,
            }  # fmt: skip

        eventually(is_over)
        (long,) = [status for status in sandbox.statuses() if not status["text"]]
        assert [picture["description"] for picture in long["media"]] == [LONG.strip()]
        assert lists.keys("notes:queue:*") == []
        before = site.messages("@news")
        for key, text in (("both", "Posted"), ("edited", "After the edit")):
            assert posted[key][0] == f"@news:{before[text]}"
        site.shell("""
            from notes.models import Note
            note = Note.objects.get(pk=1)
            note.text = "Posted, and edited since"
            note.save()
            Note.objects.get(text="After the edit").delete()
            note = Note.objects.get(text="Waits to be posted")
            note.is_private = True
            note.save()
            Note.objects.get(text="In the trash").delete()
            note = Note.objects.get(text="One half and the other")
            note.deleted_at = note.created_at
            note.save()
            note = Note.objects.get(text="A train")
            note.is_private = True
            note.tags = "sea"
            note.save()
        """)

        def is_edited() -> None:
            assert site.messages("@news") == {
                "Posted, and edited since": before["Posted"],
                LONG.strip(): before[LONG.strip()],
            }
            assert site.statuses() == {
                "Posted, and edited since": "public", "Private now": "private",
                "Waits to be posted": "private", "": "public",
            }  # fmt: skip
            assert [text.split("\n")[0] for text in site.messages("@drafts")] == ["A train by night"]
            assert site.statuses("@archive") == {"No train any more": "public"}
            assert rows(sandbox) == {
                "Posted, and edited since": False, "Private now": False, "One half and the other": True,
                "A train": False, "No train any more": False, "Waits to be posted": False, LONG: False,
                "A train by night": False,
            }  # fmt: skip

        eventually(is_edited)
