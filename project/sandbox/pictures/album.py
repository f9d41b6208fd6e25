"""The pictures by name, and the response to each."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator, Callable
from functools import cache

from PIL import Image, ImageOps
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse

MIB = 1024 * 1024
HUGE_BYTES = 64 * MIB
ENDLESS_BYTES = 512 * MIB  # a limit after all, so that a client without one does not fill this machine
TRICKLE_BYTES = 10_000
TRICKLE_SECONDS = 0.2  # between two bytes
BIG_SIDE = 900  # pixels; noise of this size has more than 2 MB
_COLOURS = {
    "leaf": ("#0b3d2e", "#b7e4c7"),
    "sea": ("#03254c", "#90e0ef"),
    "sunset": ("#5f0f40", "#ffba08"),
    "night": ("#0d1b2a", "#778da9"),
    "sand": ("#7f5539", "#ede0d4"),
}


@cache
def painted(name: str, kind: str = "PNG") -> bytes:
    """Return a small picture: a gradient of two colours."""
    dark, light = _COLOURS[name]
    picture = ImageOps.colorize(Image.linear_gradient("L").resize((480, 320)), dark, light)
    return _encoded(picture, kind)


@cache
def noise() -> bytes:
    """Return a large picture that does not compress."""
    data = hashlib.shake_256(b"noise").digest(BIG_SIDE * BIG_SIDE * 3)
    return _encoded(Image.frombytes("RGB", (BIG_SIDE, BIG_SIDE), data), "PNG")


def _encoded(picture: Image.Image, kind: str) -> bytes:
    target = io.BytesIO()
    picture.save(target, kind)
    return target.getvalue()


def film(name: str = "film") -> bytes:
    """Return the beginning of an MP4 video; there is nothing to see in it."""
    return b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + hashlib.shake_256(name.encode()).digest(4000)


def _png(data: bytes) -> Response:
    return Response(data, media_type="image/png")


async def _stream(size: int) -> AsyncIterator[bytes]:
    """Yield the beginning of a picture, then zeros."""
    yield painted("leaf")[:1024]
    chunk = bytes(65536)
    for _ in range((size - 1024) // len(chunk)):
        yield chunk
    yield bytes((size - 1024) % len(chunk))


async def _trickle() -> AsyncIterator[bytes]:
    picture = painted("leaf")
    for at in range(TRICKLE_BYTES):
        yield picture[at % len(picture) :][:1]
        await asyncio.sleep(TRICKLE_SECONDS)


def _huge() -> Response:
    return StreamingResponse(_stream(HUGE_BYTES), media_type="image/png", headers={"Content-Length": str(HUGE_BYTES)})


ANSWERS: dict[str, tuple[Callable[[], Response], str]] = {
    **{f"{name}.png": (lambda name=name: _png(painted(name)), "small") for name in _COLOURS},  # type: ignore[misc]
    "photo.jpg": (lambda: Response(painted("sunset", "JPEG"), media_type="image/jpeg"), "small"),
    "film.mp4": (lambda: Response(film(), media_type="video/mp4"), "a video"),
    "song.mp3": (lambda: Response(b"ID3\x04" + bytes(4000), media_type="audio/mpeg"), "a sound"),
    "big.png": (lambda: _png(noise()), "more than 2 MB"),
    "missing.png": (lambda: PlainTextResponse("Not Found\n", status_code=404), "404"),
    "moved.png": (lambda: RedirectResponse("/leaf.png", status_code=302), "302 to leaf.png"),
    "loop.png": (lambda: RedirectResponse("/loop.png", status_code=302), "302 to itself"),
    "page.png": (lambda: HTMLResponse("<!doctype html><title>No picture</title>"), "a page of HTML"),
    "text.png": (lambda: _png(b"No picture, whatever the header says.\n"), "text called image/png"),
    "cut.png": (lambda: _png(painted("leaf")[:200]), "broken off in the middle"),
    "huge.png": (_huge, "64 MB, and says so"),
    "endless.png": (lambda: StreamingResponse(_stream(ENDLESS_BYTES), media_type="image/png"), "does not stop"),
    "trickle.png": (lambda: StreamingResponse(_trickle(), media_type="image/png"), "a byte in 0.2 s"),
}
"""Name -> function that creates the response, and its description."""

SHOWN = ("leaf.png", "sea.png", "sunset.png", "night.png", "sand.png", "photo.jpg", "big.png")
