"""The writer: changes the rule, the channel and the switch of an own destination, removes it and makes another."""

import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import httpx

from project.demo.plan import SANDBOX_TOKEN
from project.demo_check.sandbox import Sandbox
from project.demo_check.site import Site, SiteError

from .history import History, Setting

EVERY_SECONDS = (2.0, 8.0)
BACK_SECONDS = 0.5  # until the writer tries again after an interrupted request
TRY_SECONDS = 60.0  # longer than any fault of a web server
RULES = ("all", "public", "private", "tag")
TAG = "travel"
_EDIT = re.compile(r"/destinations/(\d+)/edit/")


class Writer(threading.Thread):
    """One user with one destination at a time. Each change is repeated until the site has answered it."""

    def __init__(self, url: str, sandbox: Sandbox, seed: int, stop: threading.Event) -> None:
        """Make the first destination."""
        super().__init__(daemon=True)
        self.history = History()
        self.counts: Counter[str] = Counter()
        self.failure: BaseException | None = None
        self._url = url
        self._sandbox = sandbox
        self._random = random.Random(seed)  # noqa: S311 - a plan that can be repeated, no secret
        self._stop_changing = stop
        self._channel_count = 0
        self._key = ""
        self._make()

    def run(self) -> None:
        acts = {
            "switched": self._switch,
            "moved": self._move,
            "moved back": self._move_back,
            "given another rule": self._change_rule,
            "removed and made anew": self._replace,
        }
        try:
            while not self._stop_changing.wait(self._random.uniform(*EVERY_SECONDS)):
                name = self._random.choice(list(acts))
                acts[name]()
                self.counts[f"destination {name}"] += 1
            if not self.history.now.is_on:
                self._switch()
        except Exception as error:  # the main thread raises it
            self.failure = error

    def _make(self) -> None:
        clicked_at = datetime.now(UTC)
        setting = Setting(address=self._new_channel(), made=(clicked_at, clicked_at))
        self._until_answered(lambda site: self._create(site, setting))
        self.history.change(replace(setting, made=(clicked_at, datetime.now(UTC))))

    def _create(self, site: Site, setting: Setting) -> None:
        if not _EDIT.search(site.page("/destinations/")):  # an interrupted click may have made it
            site.post("/destinations/new/telegram/", **_form(setting))
        found = _EDIT.search(site.page("/destinations/"))
        if found is None:
            raise SiteError("The page of the own destinations does not list the new one.")
        self._key = found[1]

    def _switch(self) -> None:
        changed = replace(self.history.now, is_on=not self.history.now.is_on)
        self._post("switch", changed, enabled="on" if changed.is_on else "off")

    def _move(self) -> None:
        self._edit(replace(self.history.now, address=self._new_channel()))

    def _move_back(self) -> None:
        self._edit(replace(self.history.now, address=self._random.choice(self.history.addresses(of_now=True))))

    def _change_rule(self) -> None:
        self._edit(replace(self.history.now, rule=self._random.choice(RULES)))

    def _replace(self) -> None:
        self._until_answered(self._remove)
        self.history.remove()
        self._make()

    def _remove(self, site: Site) -> None:
        if _EDIT.search(site.page("/destinations/")):
            site.post(f"/destinations/{self._key}/delete/", copies="remove")

    def _edit(self, changed: Setting) -> None:
        self._post("edit", changed, **_form(changed))

    def _post(self, act: str, changed: Setting, **fields: str) -> None:
        self._until_answered(lambda site: site.post(f"/destinations/{self._key}/{act}/", **fields))
        self.history.change(changed)

    def _until_answered(self, act: Callable[[Site], object]) -> None:
        ends_at = time.monotonic() + TRY_SECONDS
        while True:
            try:
                with Site(self._url) as site:
                    site.log_in("writer", "writer", "/login/")
                    act(site)
                    return
            except (httpx.TransportError, SiteError):
                if time.monotonic() > ends_at:
                    raise
                time.sleep(BACK_SECONDS)

    def _new_channel(self) -> str:
        self._channel_count += 1
        name = f"own_channel_{self._channel_count}"
        self._sandbox.make_channel(name)
        return f"@{name}"


def _form(setting: Setting) -> dict[str, str]:
    date, time_of_day = f"{setting.made[0]:%Y-%m-%d %H:%M:%S}".split(" ")
    return {
        "name": "Mine",
        "address": setting.address,
        "rule": setting.rule,
        "rule_value": TAG if setting.rule == "tag" else "",
        "start_at_0": date,
        "start_at_1": time_of_day,
        "secret_token": SANDBOX_TOKEN,
        **({"enabled": "on"} if setting.is_on else {}),
    }
