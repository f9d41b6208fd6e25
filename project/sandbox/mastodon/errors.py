"""A refusal of the API."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An answer with an error: HTTP status and the text for people."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text

    def as_json(self) -> dict[str, Any]:
        return {"error": self.text}


def not_found() -> ApiError:
    return ApiError(404, "Record not found")


def invalid(text: str) -> ApiError:
    """A record that does not pass the server's checks."""
    return ApiError(422, f"Validation failed: {text}")


def unauthorized() -> ApiError:
    return ApiError(401, "The access token is invalid")
