"""A refusal of the API."""

from __future__ import annotations

from typing import Any

from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from .flavours import Flavour


class ApiError(Exception):
    """An answer with an error: HTTP status and the text for people."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text

    def as_json(self) -> dict[str, Any]:
        return {"error": self.text}


def refusal(error: ApiError, ways: Flavour) -> Response:
    """The response for an error: JSON, or as some servers leave it to their framework."""
    if ways.pages_for_errors and error.status == 404:
        return HTMLResponse("<!doctype html><title>Not Found</title><h1>Not Found</h1>", status_code=404)
    if ways.pages_for_errors and error.status == 401:
        return PlainTextResponse("Invalid Bearer token", status_code=400)
    is_generic = ways.generic_400 and error.status in (401, 422)
    return JSONResponse(error.as_json(), status_code=400 if is_generic else error.status)


def not_found() -> ApiError:
    return ApiError(404, "Record not found")


def invalid(text: str) -> ApiError:
    """A record that does not pass the server's checks."""
    return ApiError(422, f"Validation failed: {text}")


def unauthorized() -> ApiError:
    return ApiError(401, "The access token is invalid")
