"""Takes the pictures of README and docs from a running demo: `make screenshots`.

Those of Chinese pages need a font with Chinese characters; without one they stay as they are.
"""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from project.demo.supervisor import Demo
from project.demo_check.__main__ import fresh_plan
from project.demo_check.sandbox import Sandbox
from project.demo_check.site import Site

IMAGES = Path(__file__).resolve().parent.parent.parent / "docs" / "images"
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
WIDE, NARROW = (1280, 860), (390, 844)
COLOURS = 256  # pages have few colours, so the files stay small
DEADLINE_SECONDS = 60.0
NOTES = ("Tea with Mira", "A walk along the canal", "Bread: 500 g flour, 10 g salt", "Trains to Porto", "Two new books")
QUEUES = "/admin/syncqueue/queue/"
CHINESE = "zh-CN"
# Characters that a browser has no font for all look the same.
HAS_CHINESE_FONT = """() => {
  const drawn = (character) => {
    const canvas = document.createElement("canvas");
    const context = canvas.getContext("2d");
    context.font = "40px sans-serif";
    context.fillText(character, 0, 40);
    return canvas.toDataURL();
  };
  return drawn("目") !== drawn("标");
}"""


def main() -> int:
    """Return the exit code; 1 if Chromium is missing or a picture could not be taken."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("Chromium is missing. On Debian: apt-get install chromium fonts-noto-cjk", file=sys.stderr)
        return 1
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="syncqueue-screenshots-") as folder:
        plan = fresh_plan(Path(folder))
        with Demo(plan, lambda name, line: None), Site(plan.site_url) as site, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
            is_chinese_shown = has_chinese_font(browser)
            site.log_in("admin", "admin")
            with Sandbox(plan.sandbox_url or "") as sandbox:
                play(site, sandbox, browser, plan.site_url, with_chinese=is_chinese_shown)
            browser.close()
    if not is_chinese_shown:
        print(
            "The pictures of Chinese pages were not taken: no font here has Chinese characters. "
            "On Debian: apt-get install fonts-noto-cjk",
            file=sys.stderr,
        )
    return 0 if is_chinese_shown else 1


def has_chinese_font(browser: Browser) -> bool:
    """Return whether the browser finds a font with Chinese characters."""
    page = browser.new_page()
    try:
        return bool(page.evaluate(HAS_CHINESE_FONT))
    finally:
        page.close()


def play(site: Site, sandbox: Sandbox, browser: Browser, url: str, *, with_chinese: bool) -> None:
    """Send notes; Telegram goes down, comes back, and refuses one note."""
    light, narrow = window(browser, url, WIDE, dark=False), window(browser, url, NARROW, dark=False)
    dark = window(browser, url, WIDE, dark=True)
    for text in NOTES:
        site.save_note(text)
    sandbox.turn("down")
    for number in range(8):
        last = site.save_note(f"{NOTES[number % len(NOTES)]}, continued")
    wait_until(lambda: site.stats()["breaker"] != "closed")
    take(light, url + QUEUES, "outage.png")
    take(narrow, url + QUEUES, "outage-narrow.png")
    if with_chinese:
        take(window(browser, url, WIDE, dark=False, language=CHINESE), url + QUEUES, "outage.zh-hans.png")
    take(light, f"{url}/admin/notes/note/{last.pk}/change/", "note.png", down_to=".field-sync_status")
    sandbox.turn("up")
    wait_until(lambda: not any(site.stats()[f"{state}_count"] for state in ("pending", "delayed", "processing")))
    sandbox.turn("broken")
    site.save_note("One more")
    wait_until(lambda: site.stats("webhook")["failed_count"] > 0)
    sandbox.turn("up")
    take(dark, url + QUEUES, "dashboard-dark.png")
    take(light, f"{url}/admin/syncqueue/syncrecord/", "records.png")
    take(light, f"{url}/admin/syncqueue/sententry/", "log.png")
    take(light, f"{url}{QUEUES}failures/", "failures.png")
    take(light, f"{url}{QUEUES}webhook/tasks/failed/", "failed.png")
    light.locator("#content table a").first.click()
    take(light, light.url, "task.png")
    light.goto(f"{url}/admin/syncqueue/servicepolicy/add/")
    light.get_by_label("Concurrency").fill("2")
    light.get_by_role("button", name="Save and continue editing").click()
    take(light, light.url, "policy.png")


def window(browser: Browser, url: str, size: tuple[int, int], *, dark: bool, language: str = "en-US") -> Page:
    """Open a browser window and log in as the administrator."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if dark else "light", locale=language
    )
    page = context.new_page()
    page.goto(f"{url}/admin/login/?next=/admin/")
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", "admin")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{url}/admin/")
    return page


def take(page: Page, url: str, name: str, *, down_to: str = "") -> None:
    """Save a page as a small PNG; `down_to`: what is to be seen, by selector, where it stands further down."""
    page.goto(url)
    if down_to:
        page.locator(down_to).scroll_into_view_if_needed()
    page.screenshot(path=IMAGES / name)
    with Image.open(IMAGES / name) as picture:
        small = picture.convert("RGB").quantize(COLOURS)
    small.save(IMAGES / name, optimize=True)
    print(f"{name}: {(IMAGES / name).stat().st_size // 1024} KiB", flush=True)


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait until the condition holds; raises `TimeoutError`."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError("The demo did not reach the state for the picture.")
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
