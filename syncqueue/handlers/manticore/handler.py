"""The Manticore handler: a row for each object, in the table that a destination names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, TypeVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from syncqueue.core.errors import DestinationBroken, PermanentError, Unavailable, Unreachable
from syncqueue.handlers.base import (
    CopyPage,
    CopyState,
    Document,
    DocumentHandler,
    DocumentJob,
    HandlerConfig,
    Place,
    PreviewPart,
    RemotePart,
)
from syncqueue.handlers.manticore import reading
from syncqueue.handlers.manticore.answers import Refusal, Refused
from syncqueue.handlers.manticore.client import ManticoreClient
from syncqueue.handlers.manticore.row import KIND, TABLE_NAME, Write, put, row_id, take_away, values_of
from syncqueue.handlers.manticore.store import Problem, Store
from syncqueue.handlers.manticore.tables import Tables, is_there
from syncqueue.handlers.search_fields import RESERVED_NAMES
from syncqueue.outbound.diagnosis import explain_unreachable
from syncqueue.outbound.threads import HandlerThreads

T = TypeVar("T")
_Parts = Sequence[RemotePart]
_HEADER_TEXT = re.compile(r"[!-~]+")  # characters that a header may have


class ManticoreHandler(DocumentHandler):
    """Keeps a row in a table for each object, with an id that is computed here: writing it again replaces the row.

    The server is the site's own, set in OPTIONS["URL"]; a destination names a table there. People who may create a
    destination can write to any table of the server, so offer it only to people whom you trust with that.
    """

    posts: ClassVar[bool] = False
    batch_size: ClassVar[int] = 500
    default_kind: ClassVar[str] = KIND
    secret_fields: ClassVar[Mapping[str, Any]] = {
        "username": gettext_lazy("User name (if the server asks for one)"),
        "password": gettext_lazy("Password"),
        "token": gettext_lazy("Token (in place of user name and password)"),
    }

    def __init__(self, config: HandlerConfig) -> None:
        """Read the options; raises `ConfigurationError`."""
        super().__init__(config)
        self.client = ManticoreClient(config)
        self._threads = HandlerThreads(config.service)
        self._tables = Tables()
        self._made: set[str] = set()  # tables that had to be created, until `was_made` is called

    async def create(self, job: DocumentJob) -> _Parts:
        """Write the document's row."""
        return await self._alone(job)

    async def update(self, job: DocumentJob) -> _Parts:
        """Replace the row, or write it again if it was deleted."""
        return await self._alone(job)

    async def delete(self, job: DocumentJob) -> None:
        """Delete the row."""
        await self._alone(job)

    async def apply_many(self, jobs: Sequence[DocumentJob]) -> Sequence[_Parts | Exception]:
        """Write the rows of many documents in few requests; a refused row fails alone."""
        answers: dict[int, _Parts | Exception] = {}
        writes: list[tuple[int, Write]] = []
        for number, (job, wanted) in enumerate(zip(jobs, await self._run(lambda: [*map(_writes, jobs)]), strict=True)):
            if isinstance(wanted, PermanentError):
                answers[number] = wanted
                continue
            identity = self._identity(job.place)
            answers[number] = [] if job.step == "delete" else [replace(one.part, identity=identity) for one in wanted]
            writes += [(number, one) for one in wanted]
        for number, problem in await self._written(jobs, writes):
            if problem is not None:
                answers[number] = problem
        return [answers[number] for number in range(len(jobs))]

    async def check(self, place: Place) -> str:
        """Count the table's rows; the table is not created."""
        named = {"table": place.address, "endpoint": self.client.endpoint}
        count = await self._count(place)
        if count is None:
            return _("%(endpoint)s responds; the table “%(table)s” will be created with the first row.") % named
        text = ngettext(
            "The table “%(table)s” at %(endpoint)s has %(count)d row.",
            "The table “%(table)s” at %(endpoint)s has %(count)d rows.",
            count,
        )
        return text % {**named, "count": count}

    async def count(self, place: Place) -> int:
        """Return the number of the table's rows; 0 if there is no table."""
        return await self._count(place) or 0

    async def read(self, jobs: Sequence[DocumentJob]) -> Sequence[CopyState | Exception]:
        """Compare the rows of many documents in one request."""
        place = jobs[0].place
        table = _table(place)
        return await self._run(lambda: reading.read(self.client.account(place.secret), table, jobs))

    async def read_all(self, place: Place, after: str) -> CopyPage:
        """Return the table's rows in the order of their ids."""
        table, identity = _table(place), self._identity(place)
        return await self._run(lambda: reading.page(self.client.account(place.secret), table, after, identity))

    async def preview(self, document: Document, place: Place) -> Sequence[PreviewPart]:
        """Return the row."""
        values = await self._run(lambda: values_of(document))
        text = str(values.pop("content", ""))
        return [PreviewPart(kind=KIND, text=text, fields=values)]

    def was_made(self, place: Place) -> bool:
        """Return whether the table was missing and was created since the last call."""
        made = place.address in self._made
        self._made.discard(place.address)
        return made

    async def identify(self, place: Place) -> str:
        """Return the server's host and port with the table's name."""
        return self._identity(place)

    def lost_part(self, place: Place, source: str, object_pk: str) -> RemotePart:
        """Return the row that the object has, if it has one."""
        number = str(row_id(source, object_pk))
        return RemotePart(kind=KIND, id=number, address=place.address, identity=self._identity(place))

    def endpoint(self, place: Place) -> str:
        """Return the server, which is the same for all destinations."""
        return self.client.endpoint

    def clean(self, address: str, options: Mapping[str, Any], secret: Mapping[str, str]) -> None:
        """Validate table name, options and credential."""
        if not TABLE_NAME.fullmatch(address):
            raise ValueError(
                _("The address is the name of a table: lower-case letters, digits and _, such as “notes”.")
            )
        if address in RESERVED_NAMES:
            raise ValueError(_("“%(name)s” is a reserved word, so no table can have this name.") % {"name": address})
        if options:
            raise ValueError(_("Unknown option “%(name)s”; there are none.") % {"name": next(iter(options))})
        if secret.get("token") and (secret.get("username") or secret.get("password")):
            raise ValueError(_("Enter a token, or user name and password, but not both."))
        if secret.get("password") and not secret.get("username"):
            raise ValueError(_("The password needs a user name."))
        if secret.get("token") and not _HEADER_TEXT.fullmatch(secret["token"]):
            raise ValueError(_("The token has characters that are not allowed."))

    async def aclose(self) -> None:
        """Close the connections."""
        self._threads.close()
        self.client.close()

    async def _alone(self, job: DocumentJob) -> _Parts:
        (answer,) = await self.apply_many([job])
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def _written(
        self, jobs: Sequence[DocumentJob], writes: Sequence[tuple[int, Write]]
    ) -> list[tuple[int, Problem]]:
        """Return the exception of each write, or None, by the index of its job."""
        if not writes:
            return []
        place = jobs[0].place
        _table(place)
        rows = [one for _number, one in writes]
        store = Store(self.client.account(place.secret), self._tables)
        try:
            problems = await self._run(lambda: store.write(rows))
        finally:
            self._made |= store.made
        return [(number, problem) for (number, _one), problem in zip(writes, problems, strict=True)]

    async def _count(self, place: Place) -> int | None:
        """Return the number of the table's rows; None if there is no table. Raises `HandlerError`."""
        table = _table(place)

        def ask() -> list[dict[str, Any]]:
            account = self.client.account(place.secret)
            return account.sql(f"SELECT COUNT(*) FROM `{table}`") if is_there(account, table) else []  # noqa: S608

        try:
            rows = await self._run(ask)
        except Refused as refused:
            if refused.why is not Refusal.NO_TABLE:
                raise
            rows = []
        if not rows:
            return None
        found = next(iter(rows[0].values()), None)
        if isinstance(found, int | str) and str(found).isdecimal():
            return int(found)
        raise Unavailable(f"What answers at {self.client.endpoint} is no Manticore.")

    def _identity(self, place: Place) -> str:
        return f"{self.client.endpoint}/{place.address}"

    async def _run(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread; explains why the server was not reached."""
        try:
            return await self._threads.run(work)
        except Unreachable as error:
            cause = error.__cause__ or error
            client = self.client
            text = await explain_unreachable(client.host, client.port, cause, outbound=client.outbound)
            raise Unreachable(text) from error


def _writes(job: DocumentJob) -> list[Write] | PermanentError:
    try:
        return take_away(job) if job.step == "delete" else [put(job)]
    except PermanentError as error:
        return error


def _table(place: Place) -> str:
    """Return the table name of a place, for statements; raises `DestinationBroken` for a malformed one."""
    if not TABLE_NAME.fullmatch(place.address):
        raise DestinationBroken(f"{place.address[:60]!r} is no name of a table.")
    return place.address
