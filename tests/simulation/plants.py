"""Faults that are put into the system on purpose: the simulation must find each of them."""

from __future__ import annotations

from collections.abc import Callable

PLANTS: dict[str, Callable[[], None]] = {}
