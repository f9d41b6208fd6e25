"""Mastodon, and the servers that speak its API and are none, through the whole suite."""

from __future__ import annotations

from syncqueue.testing.conformance import Conformance
from tests.conformance.mastodon import GoToSocial, Mastodon, OtherServer, Takahe


class TestMastodon(Conformance):
    service = Mastodon


class TestGoToSocial(Conformance):
    service = GoToSocial


class TestTakahe(Conformance):
    service = Takahe


class TestOtherServer(Conformance):
    service = OtherServer
