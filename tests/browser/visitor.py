"""A person with a browser: logs in, looks, clicks; what the browser complains of is kept for the test to judge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.browser.find_browser import find

ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
WIDE, PHONE, NARROW = 1440, 390, 360
SERIOUS = ("serious", "critical")
PATIENCE_MS = 120_000  # on a busy machine


@contextmanager
def running_browser() -> Iterator[Browser]:
    """A Chromium of its own, ended with its event loop; raises `NoBrowser` where none is installed."""
    path = find()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Visitor:
    """One person in one window."""

    page: Page
    base: str  # the site's address
    complaints: list[str] = field(default_factory=list)  # errors on the console, and of scripts
    judged: set[str] = field(default_factory=set)  # the kinds of pages that axe has looked at

    def __post_init__(self) -> None:
        """Listen to what the browser complains of."""
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _on_console(self, message: ConsoleMessage) -> None:
        url = message.location.get("url", "")
        # The browser asks for an icon at the root of the host, which is not this site's.
        if message.type in ("error", "warning") and not url.endswith("/favicon.ico"):
            self.complaints.append(f"{message.text} ({url})")

    def go(self, path: str) -> Page:
        """Open a page of the site."""
        self.page.goto(self.base + path)
        return self.page

    def log_in(self, name: str) -> None:
        """By the form; the password is the name."""
        self.go("/login/")
        self.page.fill("input[name=username]", name)
        self.page.fill("input[name=password]", name)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(f"{self.base}/")

    def violations(self, without: Sequence[str] = ()) -> list[str]:
        """What axe finds on the page that is serious or worse; parts may be left `without`, by selector."""
        context = {"exclude": [[selector] for selector in without]}
        found = Axe().run(self.page, context=context).response["violations"]
        return [
            f"{one['id']}: {node['html'][:200]} {node['failureSummary']}"
            for one in found
            if one["impact"] in SERIOUS
            for node in one["nodes"]
        ]

    def overflows(self) -> bool:
        """Whether the page is wider than the window."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1"))


def visitor(browser: Browser, base: str, *, width: int = WIDE, dark: bool = False, language: str = "en-US") -> Visitor:
    """A window of this width, of a reader of this language."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light", locale=language
    )
    return Visitor(context.new_page(), base)
