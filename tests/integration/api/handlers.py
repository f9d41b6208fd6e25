"""A service of the site that posts nothing: an index."""

from collections.abc import Mapping, Sequence
from typing import Any

from syncqueue.handlers.base import DocumentHandler, DocumentJob, Place, RemotePart


class SecondHandler(DocumentHandler):
    posts = False
    secret_fields = {"password": "Password"}

    async def create(self, job: DocumentJob) -> Sequence[RemotePart]:
        return [RemotePart(kind="row", id="1", address=job.place.address)]

    async def update(self, job: DocumentJob) -> Sequence[RemotePart]:
        return job.parts

    async def delete(self, job: DocumentJob) -> None:
        return None

    async def check(self, place: Place) -> str:
        return f"The table {place.address} answers."

    def endpoint(self, place: Place) -> str:
        return "127.0.0.1:1"

    def clean(self, address: str, options: Mapping[str, Any], secret: Mapping[str, str]) -> None:
        if not address.isidentifier():
            raise ValueError("The address is the name of a table.")
        if not secret.get("password"):
            raise ValueError("The password is missing.")
