"""The handler itself against the sandbox: tables that vanish under it, what `check` says, adopted rows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from project.sandbox.testing import RunningSandbox
from syncqueue.core.errors import DestinationBroken
from syncqueue.handlers.base import Document, DocumentJob, HandlerConfig, JobStep, Place, RemotePart
from syncqueue.handlers.manticore import store
from syncqueue.handlers.manticore.handler import ManticoreHandler
from syncqueue.handlers.manticore.row import row_id

PLACE = Place(id=1, name="Search", address="notes")
Act = Callable[[ManticoreHandler], Awaitable[Any]]


def job(pk: int, text: str = "", *parts: RemotePart, step: JobStep = "create", place: Place = PLACE) -> DocumentJob:
    """A job for a note."""

    async def store(_: Any) -> str:
        return "next key"

    return DocumentJob(
        place=place,
        document=Document(text=text or f"Note {pk}"),
        parts=parts,
        idempotency_key="key",
        uncertain=False,
        store=store,
        step=step,
        source="notes.note",
        object_pk=str(pk),
    )


def run(sandbox: RunningSandbox, act: Act) -> Any:
    """`act` with a handler."""

    async def main() -> Any:
        handler = ManticoreHandler(HandlerConfig(service="manticore", options={"URL": sandbox.manticore_url}))
        try:
            return await act(handler)
        finally:
            await handler.aclose()

    return asyncio.run(main())


def part(number: int) -> RemotePart:
    """A row as it is noted on a record."""
    return RemotePart(kind="row", id=str(number), address="notes")


def methods(sandbox: RunningSandbox) -> list[str]:
    """What was called, in order."""
    return [entry["method"] for entry in sandbox.log()]


def contents(sandbox: RunningSandbox) -> dict[int, str]:
    """The texts by the row's id."""
    return {row["id"]: row["content"] for row in sandbox.documents("notes")}


def test_a_table_dropped_under_a_worker_is_made_again_for_the_whole_batch(sandbox: RunningSandbox) -> None:
    async def act(handler: ManticoreHandler) -> Sequence[Any]:
        await handler.apply_many([job(1), job(2)])
        sandbox.reset()
        return await handler.apply_many([job(3), job(4), job(5, "", part(9), step="delete")])

    answers = run(sandbox, act)
    assert [len(answer) for answer in answers] == [1, 1, 0]
    assert sorted(contents(sandbox).values()) == ["Note 3", "Note 4"]
    assert methods(sandbox) == ["bulk", "sql", "sql", "bulk"]


def test_a_table_dropped_under_a_web_process_is_made_again(sandbox: RunningSandbox) -> None:
    async def act(handler: ManticoreHandler) -> None:
        await handler.create(job(1))
        sandbox.reset()
        await handler.create(job(2))

    run(sandbox, act)
    assert methods(sandbox) == ["replace", "sql", "sql", "replace"]
    assert list(contents(sandbox).values()) == ["Note 2"]


def test_a_row_of_a_table_that_is_gone_is_gone(sandbox: RunningSandbox) -> None:
    run(sandbox, lambda handler: handler.delete(job(1, "", part(7), step="delete")))
    answers = run(sandbox, lambda handler: handler.apply_many([job(n, "", part(n), step="delete") for n in (1, 2)]))
    assert list(answers) == [[], []]


def test_the_table_is_looked_at_again_after_a_while(sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(handler: ManticoreHandler) -> None:
        await handler.create(job(1))
        await handler.create(job(2))

    run(sandbox, act)
    assert methods(sandbox) == ["sql", "sql", "replace", "replace"]
    monkeypatch.setattr(store, "KNOWN_SECONDS", 0.0)
    run(sandbox, act)
    assert methods(sandbox)[4:] == ["sql", "sql", "replace"] * 2


def test_an_outage_in_the_midst_of_a_refused_batch_ends_the_rest_and_keeps_what_is_done(
    sandbox: RunningSandbox,
) -> None:
    async def act(handler: ManticoreHandler) -> Sequence[Any]:
        await handler.create(job(9))
        sandbox.plan_answers(
            "manticore",
            {"mode": "error", "status": 409, "method": "bulk"},
            {"mode": "up", "method": "replace"},
            {"mode": "limited", "retry_after": 3, "method": "replace"},
        )
        return await handler.apply_many([job(1), job(2), job(3)])

    first, *rest = run(sandbox, act)
    assert [one.id for one in first] == [str(row_id("notes.note", "1"))]
    assert [type(one).__name__ for one in rest] == ["RateLimited", "RateLimited"]
    assert sorted(contents(sandbox).values()) == ["Note 1", "Note 9"]


def test_an_adopted_row_is_replaced_under_its_own_id(sandbox: RunningSandbox) -> None:
    run(sandbox, lambda handler: handler.update(job(1, "Renewed", part(17), step="update")))
    assert contents(sandbox) == {17: "Renewed"}


def test_check_counts_the_rows_and_makes_nothing(sandbox: RunningSandbox) -> None:
    host = sandbox.manticore_url.removeprefix("http://")
    assert run(sandbox, lambda handler: handler.check(PLACE)) == (
        f"{host} responds; the table “notes” will be created with the first row."
    )
    assert sandbox.state()["services"]["manticore"]["tables"] == []
    run(sandbox, lambda handler: handler.apply_many([job(1), job(2)]))
    assert run(sandbox, lambda handler: handler.check(PLACE)) == f"The table “notes” at {host} has 2 rows."


def test_check_says_that_the_credential_is_refused(sandbox: RunningSandbox) -> None:
    sandbox.set_mode("manticore", "unauthorized")
    with pytest.raises(DestinationBroken, match="user name and password right"):
        run(sandbox, lambda handler: handler.check(PLACE))
