"""Uses the site like the browser of an administrator: forms, cookies, CSRF tokens."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import httpx

from .sandbox import SERVICES

# A hanging save is a failure that this story looks for; it must not look like a failed browser.
TIMEOUT_SECONDS = 30.0


class SiteError(Exception):
    """The site did not respond like a working site."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """The result of one save."""

    pk: int
    seconds: float  # from the click to the response


class Site:
    """One logged-in administrator."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def log_in(self, name: str, password: str, page: str = "/admin/login/") -> None:
        """`page`: "/login/" for users who are not staff."""
        self._client.get(page)
        self._submit(f"{page}?next=/", {"username": name, "password": password})

    def save_note(
        self,
        text: str,
        *,
        pk: int | None = None,
        is_private: bool = False,
        is_markdown: bool = False,
        tags: Sequence[int] = (),
        owner: int | None = None,
        publish_at: datetime | None = None,
        expires_at: datetime | None = None,
    ) -> Saved:
        """Fill in the form of a note and press "save and continue editing"; without a pk, create a note.

        `owner`: default: as the form has it.
        """
        place = f"/admin/notes/note/{pk}/change/" if pk else "/admin/notes/note/add/"
        fields: dict[str, str | list[str]] = {
            **_moment("publish_at", publish_at),
            **_moment("expires_at", expires_at),
            "owner": str(owner) if owner else self._owner(place),
            "text": text,
            "tags": [str(tag) for tag in tags],
            "_continue": "1",
        }
        fields |= {name: "on" for name, wanted in self._ticks(is_private, is_markdown) if wanted}
        started = time.monotonic()
        target = self._submit(place, fields)
        seconds = time.monotonic() - started
        return Saved(pk=_pk_in(target), seconds=seconds)

    def delete_note(self, pk: int) -> float:
        """Delete a note permanently, confirmation included; returns the seconds until the response."""
        started = time.monotonic()
        self._submit(f"/admin/notes/note/{pk}/delete/", {"post": "yes"})
        return time.monotonic() - started

    def add_tag(self, name: str) -> int:
        return _pk_in(self._submit("/admin/notes/tag/add/", {"name": name, "_continue": "1"}))

    def user_ids(self) -> dict[str, int]:
        """Return the users that a note can be given to, by name."""
        page = self._client.get("/admin/notes/note/add/").text
        select = re.search(r'<select name="owner".*?</select>', page, re.DOTALL)
        options = re.findall(r'<option value="(\d+)"[^>]*>\s*([^<]*?)\s*</option>', select[0] if select else "")
        return {name: int(key) for key, name in options}

    def page(self, place: str) -> str:
        """Return the HTML of a page; raises `SiteError` if there is none."""
        answer = self._client.get(place, follow_redirects=False)
        if not answer.is_success:
            raise SiteError(f"GET {place} returns {answer.status_code}.")
        return answer.text

    def post(self, place: str, **fields: str) -> str:
        """Post a form of a user's own pages; returns the target of the redirect. Raises `SiteError` if refused."""
        return self._submit(place, fields)

    def stats(self, service: str = "telegram") -> dict[str, Any]:
        """Return the figures of a service's queue; raises `SiteError` if the site does not return them."""
        answer = self._client.get(f"/api/admin/sync-queue/stats/{service}")
        if not answer.is_success:
            raise SiteError(f"GET stats/{service} returns {answer.status_code}: {answer.text[:300]}")
        figures: dict[str, Any] = answer.json()
        return figures

    def retry_failed(self) -> int:
        """Put the failed tasks of all services back into the queue; returns the count."""
        headers = {"X-CSRFToken": self._client.cookies.get("csrftoken") or "", "Referer": str(self._client.base_url)}
        count = 0
        for service in SERVICES:
            answer = self._client.post(f"/api/admin/sync-queue/{service}/retry-failed", headers=headers)
            if not answer.is_success:
                raise SiteError(f"POST {service}/retry-failed returns {answer.status_code}: {answer.text[:300]}")
            count += int(answer.json()["count"])
        return count

    def _ticks(self, is_private: bool, is_markdown: bool) -> list[tuple[str, bool]]:
        return [("is_private", is_private), ("is_markdown", is_markdown)]

    def _owner(self, place: str) -> str:
        """Return the preselected owner of the form, as a browser would submit it."""
        page = self._client.get(place).text
        found = re.search(r'<select name="owner".*?<option value="(\d+)" selected', page, re.DOTALL)
        if not found:
            raise SiteError(f"{place} shows no form with an owner.")
        return found[1]

    def _submit(self, place: str, fields: Mapping[str, str | list[str]]) -> str:
        """Post a form; returns the target of the redirect. Raises `SiteError` for any other response."""
        token = self._client.cookies.get("csrftoken", "")
        answer = self._client.post(
            place,
            data={**fields, "csrfmiddlewaretoken": token},
            headers={"Referer": str(self._client.base_url)},
        )
        if answer.status_code != httpx.codes.FOUND:
            errors = re.findall(r'class="errorn(?:ote|list)[^>]*>\s*(.*?)\s*</', answer.text, re.DOTALL)
            raise SiteError(f"POST {place} returns {answer.status_code}: {'; '.join(errors) or 'no reason shown'}")
        return answer.headers["Location"]


def _moment(name: str, moment: datetime | None) -> dict[str, str | list[str]]:
    """The two inputs of the admin; the demo's time zone is UTC."""
    date, time_of_day = f"{moment:%Y-%m-%d %H:%M:%S}".split(" ") if moment else ("", "")
    return {f"{name}_0": date, f"{name}_1": time_of_day}


def _pk_in(place: str) -> int:
    found = re.search(r"/(\d+)/change/", place)
    if not found:
        raise SiteError(f"The site redirects to {place} after a save.")
    return int(found[1])
