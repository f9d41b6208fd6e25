"""A database that lags, hides rows, or was restored from a backup: nothing looks gone, nothing is posted again."""

from __future__ import annotations

import shutil
from pathlib import Path

from project.sandbox.testing import RunningSandbox
from tests.eventually import eventually
from tests.faults.channel import posted, texts
from tests.faults.site import ALL_EMPTY, Site

# A manager that shows no note, as those of soft deletes and tenants hide some.
HIDING = """
    from django.db import models
    class Hiding(models.Manager):
        def get_queryset(self):
            return super().get_queryset().none()
    Note.add_to_class("objects", Hiding())
"""
EDIT = """
    note = Note._base_manager.using("default").get()
    note.text = "Second"
    with syncqueue.queued():
        note.save(using="default")
"""


def test_with_a_replica_that_knows_no_note_and_a_manager_that_hides_all_notes_go_out_and_are_edited(
    site: Site, sandbox: RunningSandbox
) -> None:
    # The replica has the tables, the user, and nothing that comes later.
    replica = site.folder / "replica.sqlite3"
    back_up(site, replica)
    site.variables["REPLICA_URL"] = f"sqlite:///{replica}"
    site.script("save('First')")

    site.script(EDIT)
    site.worker(patch=HIDING)

    eventually(lambda: _shows(site, sandbox, ["Second"]))
    assert posted(sandbox) == {"First": 1}
    assert [entry["method"] for entry in sandbox.log()] == ["sendMessage", "editMessageText"]


def test_after_a_restored_backup_a_resync_makes_the_channel_show_what_the_notes_say(
    site: Site, sandbox: RunningSandbox
) -> None:
    site.script("save('Kept'); save('First')")
    backup = site.folder / "backup.sqlite3"
    back_up(site, backup)
    site.script("note = Note.objects.get(text='First'); note.text = 'Second'; note.save()")
    assert texts(sandbox) == ["Kept", "Second"]
    database = Path(site.database.url.removeprefix("sqlite:///"))
    shutil.copy(backup, database)
    for leftover in ("-wal", "-shm"):
        database.with_name(database.name + leftover).unlink(missing_ok=True)

    assert site.manage("syncqueue", "resync", "--service", "telegram", "--force", "--noinput") == 0
    assert site.manage("runsyncworker", "--burst") == 0

    _shows(site, sandbox, ["Kept", "First"])
    assert posted(sandbox) == {"Kept": 1, "First": 1}


def back_up(site: Site, file: Path) -> None:
    """Copy the database with all that was committed, also what stands in no file but its log yet."""
    site.sql("VACUUM INTO ?", str(file))


def _shows(site: Site, sandbox: RunningSandbox, expected: list[str]) -> None:
    assert texts(sandbox) == expected
    assert set(site.states()) == {"synced"}
    assert site.tasks() == ALL_EMPTY
