"""A refusal of the API: https://atproto.com/specs/xrpc#error-responses."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response


class XrpcError(Exception):
    """An answer with an error: HTTP status, its name and words for people."""

    def __init__(self, status: int, error: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.message = message

    def response(self) -> Response:
        return JSONResponse({"error": self.error, "message": self.message}, status_code=self.status)


def invalid(message: str) -> XrpcError:
    return XrpcError(400, "InvalidRequest", message)


def expired(message: str = "Token has expired") -> XrpcError:
    return XrpcError(400, "ExpiredToken", message)


def wrong_password() -> XrpcError:
    return XrpcError(401, "AuthenticationRequired", "Invalid identifier or password")


def taken_down() -> XrpcError:
    return XrpcError(401, "AccountTakedown", "Account has been taken down")


def too_many() -> XrpcError:
    return XrpcError(429, "RateLimitExceeded", "Rate Limit Exceeded")
