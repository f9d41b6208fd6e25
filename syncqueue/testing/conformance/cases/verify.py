"""Cases for `syncqueue verify`: it compares the copies with the records and the objects, and changes nothing."""

from __future__ import annotations

import signal
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from syncqueue import services
from syncqueue.models import Destination, SyncRecord, Verification
from syncqueue.testing.conformance.commands import Said, call
from syncqueue.testing.conformance.notes.models import Note
from syncqueue.testing.conformance.notes.sync import NoteSync
from syncqueue.testing.conformance.promise import uses
from syncqueue.testing.conformance.promises import READ, READ_ALL, READ_CONTENT, READ_NOT, READ_STOPPED
from syncqueue.testing.conformance.scene import Site

COUNTS = ("looked", "gone", "changed", "unwanted", "unknown", "untold", "mended")


def verify(*words: str) -> Said:
    """Run the command, with its output for scripts."""
    return call("verify", "--json", *words)


def counts(said: Said) -> dict[str, int]:
    """Return the counts of the only destination, without zeros."""
    (one,) = said.data
    return {name: one[name] for name in COUNTS if one[name]}


def changes(site: Site) -> list[Any]:
    """Return the requests that have changed something at the service."""
    return [entry for entry in site.service.requests() if entry["stored"]]


@READ
@uses("quick_reads")
class VerifyCases:
    """What is at the service is compared with the records, and nothing is changed."""

    def test_what_is_as_it_should_be_is_looked_at_and_left_alone(self, site: Site, destination: Destination) -> None:
        for text in ("One", "<b>Two</b> & *three* @somebody@far.example \\", site.service.long_text):
            site.write(text)
        before = changes(site)
        said = verify()
        assert (said.code, counts(said)) == (0, {"looked": 3})
        assert said.data[0]["unknown"] == (0 if site.service.lists_copies else None)
        assert changes(site) == before
        site.assert_settled()

    def test_what_is_gone_there_is_told_and_waits_again_only_with_mend(
        self, site: Site, destination: Destination
    ) -> None:
        site.write("One")
        note = site.write("Two")
        site.service.remove_by_hand(site.service.copies()[1])
        said = verify()
        assert (said.code, counts(said)) == (1, {"looked": 2, "gone": 1})
        assert [(one["drift"], one["object"]) for one in said.data[0]["found"]] == [
            ("gone", f"conformance.note:{note.pk}")
        ]
        site.assert_settled()
        site.assert_shows("One")
        mended = verify("--mend")
        assert (mended.code, counts(mended)) == (0, {"looked": 2, "gone": 1, "mended": 1})
        site.assert_shows("One")  # verify itself posts nothing
        site.work()
        site.assert_shows("One", "Two")
        assert counts(verify()) == {"looked": 2}

    @READ_CONTENT
    def test_another_text_there_is_told_and_put_right(self, site: Site, destination: Destination) -> None:
        site.write("One")
        site.write("Two")
        site.service.change_by_hand(site.service.copies()[1], "Something else")
        said = verify()
        assert (said.code, counts(said)) == (1, {"looked": 2, "changed": 1})
        verify("--mend")
        site.work()
        site.assert_shows("One", "Two")
        assert counts(verify()) == {"looked": 2}

    def test_a_change_that_no_signal_told_of_is_another_text_there(self, site: Site, destination: Destination) -> None:
        note = site.write("One")
        Note.objects.filter(pk=note.pk).update(text="Two")
        assert counts(verify()) == {"looked": 1, "changed": 1}
        verify("--mend")
        site.work()
        site.assert_shows("Two")

    @pytest.mark.parametrize("why", ["deleted", "rule", "expired"])
    def test_what_is_there_though_not_wanted_is_told_and_taken_away(
        self, site: Site, destination: Destination, why: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        site.write("Stays")
        note = site.write("Goes")
        row = Note.objects.filter(pk=note.pk)
        match why:
            case "deleted":
                row._raw_delete("default")
            case "rule":
                row.update(is_private=True)
                Destination.objects.update(rule="public")
            case "expired":
                past = timezone.now() - timedelta(hours=1)
                monkeypatch.setattr(NoteSync, "live_until", lambda self, one: past if one.pk == note.pk else None)
        said = verify()
        assert (said.code, counts(said)) == (1, {"looked": 2, "unwanted": 1})
        verify("--mend")
        site.work()
        site.assert_shows("Stays")
        site.assert_settled()
        assert counts(verify())["looked"] == 1

    @READ_ALL
    def test_a_copy_that_no_record_knows_is_told_and_left_alone(self, site: Site, destination: Destination) -> None:
        site.write("One")
        site.write(site.service.long_text)
        site.service.add_by_hand("Forgotten")
        before = len(site.service.copies())
        said = verify("--mend")
        assert (said.code, counts(said)) == (1, {"looked": 2, "unknown": 1})
        assert [one["drift"] for one in said.data[0]["found"]] == ["unknown"]
        site.work()
        assert len(site.service.copies()) == before

    @READ_ALL
    def test_copies_of_another_destination_at_the_same_place_are_known(
        self, site: Site, destination: Destination
    ) -> None:
        site.write("One")
        other = site.service.make_destination(name="other", owner=site.writer)
        assert verify("--destination", "other").code == 0
        assert Verification.objects.get(destination=other).unknown_count == 0

    @READ_NOT
    def test_a_service_that_cannot_be_asked_is_named_as_such(self, site: Site, destination: Destination) -> None:
        site.write("One")
        before = len(site.service.requests())
        said = call("verify")
        assert (said.code, said.out.strip()) == (0, f"{site.service.name}: copies at this service cannot be read.")
        name = site.service.name
        assert verify().data == [{"destination": name, "service": name, "can_be_asked": False, "problem": ""}]
        assert len(site.service.requests()) == before

    @READ_STOPPED
    def test_a_rate_limit_is_waited_for(self, site: Site, destination: Destination) -> None:
        site.write("One")
        site.service.sandbox.plan_answers(site.service.name, {"mode": "limited", "retry_after": 1})
        waits: list[float] = []
        listener = services.Listener(waits=lambda name, reason, seconds: waits.append(seconds))
        (one,) = services.verify([destination], mend=False, anew=False, actor="a test", listener=listener)
        assert one.row is not None
        assert (one.row.finished_at is not None, one.row.looked_count, len(waits)) == (True, 1, 1)
        assert waits[0] >= 1

    @READ_STOPPED
    def test_a_service_that_asks_to_wait_for_hours_is_left_and_asked_again_by_the_next_run(
        self, site: Site, destination: Destination
    ) -> None:
        site.write("One")
        site.service.set_mode({"mode": "limited", "retry_after": 7200})
        said = verify()
        assert said.code == 1
        assert (said.data[0]["finished"], said.data[0]["looked"]) == (False, 0)
        assert said.data[0]["stopped"]
        site.service.set_mode("up")
        again = verify()
        assert (again.code, again.data[0]["went_on"], counts(again)) == (0, True, {"looked": 1})

    @READ_STOPPED
    def test_an_outage_in_the_middle_stops_it_and_the_next_run_goes_on_from_there(
        self, site: Site, destination: Destination, small_pieces: None
    ) -> None:
        notes = [site.write(f"Note {number}") for number in range(4)]
        site.service.remove_by_hand(site.service.copies()[0])
        seen: list[int] = []

        def go_away(name: str, done: int, total: int) -> None:
            seen.append(done)
            if done == 2:
                site.service.set_mode({"mode": "error", "status": 503})

        listener = services.Listener(progress=go_away)
        (one,) = services.verify([destination], mend=False, anew=False, actor="a test", listener=listener)
        assert one.row is not None
        assert (one.row.finished_at, one.row.looked_count, one.row.gone_count) == (None, 2, 1)
        assert "503" in one.row.stopped
        site.service.set_mode("up")
        asked_before = len(site.service.requests())
        said = verify()
        assert (said.code, said.data[0]["went_on"], counts(said)) == (1, True, {"looked": 4, "gone": 1})
        first = SyncRecord.objects.get(object_pk=str(notes[1].pk)).parts[0]["id"]
        later = site.service.requests()[asked_before:]
        assert not any(
            first in (str(entry["params"].get("id")), str(entry["params"].get("message_id"))) for entry in later
        )

    @READ_STOPPED
    def test_a_run_that_was_stopped_by_hand_goes_on_where_it_was_unless_it_is_to_begin_anew(
        self, site: Site, destination: Destination, small_pieces: None
    ) -> None:
        for number in range(3):
            site.write(f"Note {number}")

        def interrupt(name: str, done: int, total: int) -> None:
            if done == 1:
                signal.raise_signal(signal.SIGINT)

        listener = services.Listener(progress=interrupt)
        (one,) = services.verify([destination], mend=False, anew=False, actor="a test", listener=listener)
        assert one.row is not None
        assert (one.row.looked_count, one.row.stopped, one.row.finished_at) == (1, "It was stopped manually.", None)
        calls: list[int] = []
        listener = services.Listener(progress=lambda name, done, total: calls.append(done))
        (one,) = services.verify([destination], mend=False, anew=False, actor="a test", listener=listener)
        assert one.row is not None
        assert (one.began_anew, calls, one.row.looked_count) == (False, [1, 2, 3], 3)
        Verification.objects.update(finished_at=None)
        assert counts(verify("--anew")) == {"looked": 3}

    def test_records_that_cannot_be_told_are_said_to_be_so_and_the_others_are_looked_at(
        self, site: Site, destination: Destination, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        notes = [site.write(f"Note {number}") for number in range(4)]
        real = NoteSync.document

        def document(self: NoteSync, note: Note) -> Any:
            if note.pk == notes[1].pk:
                raise KeyError("a mistake of the site's own")
            return real(self, note)

        monkeypatch.setattr(NoteSync, "document", document)
        SyncRecord.objects.filter(pk=site.record(notes[2]).pk).update(source="gone.model")
        odd = SyncRecord.objects.get(object_pk=str(notes[3].pk))
        odd.parts = [{**part, "id": "no number; DROP TABLE notes"} for part in odd.parts]
        odd.save()
        said = verify("--mend")
        found = counts(said)
        # If ids may be any text, such a copy is missing.
        assert (found["looked"], found["untold"] + found.get("gone", 0)) == (4, 3)
        reasons = " ".join(one["reason"] for one in said.data[0]["found"])
        assert "a mistake of the site's own" in reasons and "gone.model is not registered" in reasons

    def test_records_that_are_worked_on_are_left_to_those_who_work_on_them(
        self, site: Site, destination: Destination
    ) -> None:
        site.write("One")
        waiting, sending, failed = (site.write(text) for text in ("Two", "Three", "Four"))
        SyncRecord.objects.filter(object_pk=str(waiting.pk)).update(state="waiting")
        SyncRecord.objects.filter(object_pk=str(sending.pk)).update(sending_token="of another")  # noqa: S106
        SyncRecord.objects.filter(object_pk=str(failed.pk)).update(state="failed")
        for copy in site.service.copies():
            site.service.remove_by_hand(copy)
        assert counts(verify()) == {"looked": 1, "gone": 1}

    @READ_STOPPED
    def test_a_credential_that_is_refused_stops_it_with_the_services_words(
        self, site: Site, destination: Destination
    ) -> None:
        site.write("One")
        site.service.set_mode(site.service.refused_credential)
        said = verify()
        assert (said.code, said.data[0]["finished"]) == (1, False)
        assert said.data[0]["stopped"]
        destination.refresh_from_db()
        assert destination.broken_reason == ""  # only attempts mark a destination as broken
