"""Options of a service: validates them, and sets them by a route of the control port."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, replace
from difflib import get_close_matches
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

T = TypeVar("T")

_KINDS = {bool: "true or false", int: "a whole number", str: "a text"}


class BadOption(ValueError):
    """An option does not exist or has the wrong type; the message says what to write instead."""


def changed(options: T, given: Mapping[str, Any]) -> T:
    """Return a copy of the dataclass with the given JSON values; raises `BadOption`."""
    known = {field.name: getattr(options, field.name) for field in fields(options)}  # type: ignore[arg-type]
    for name, value in given.items():
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known)}."
            raise BadOption(f"There is no option {name!r}. {hint}")
        if type(value) is not type(known[name]):
            raise BadOption(f"{name} must be {_KINDS[type(known[name])]}.")
    return replace(options, **given)  # type: ignore[type-var]


def options_route(change: Callable[[dict[str, Any]], Any], example: str) -> Route:
    """Return the route `POST /options`, which returns all options.

    `change` sets the given options until the next reset; it returns all options as a dataclass and raises `BadOption`.
    `example`: a body.
    """

    async def options(request: Request) -> Response:
        try:
            given = await request.json()
        except ValueError as error:
            raise HTTPException(400, "The body is not JSON.") from error
        if not isinstance(given, dict):
            raise HTTPException(400, f"Send an object such as {example}.")
        try:
            return JSONResponse(asdict(change(given)))
        except BadOption as error:
            raise HTTPException(400, str(error)) from error

    return Route("/options", options, methods=["POST"])
