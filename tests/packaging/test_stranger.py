"""A stranger's handler in an empty folder, from the wheel and the page alone: proven, or told what to mend."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docs.pages import Block, blocks
from tests.packaging.distributions import CHECKOUT, PATIENCE_SECONDS, Distributions, pip_environment, run

PAGE = CHECKOUT / "docs/handlers.md"
SHELF = Path(__file__).parent / "stranger"
CONFTEST = 'pytest_plugins = ["syncqueue.testing.conformance.plugin"]\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a run of pytest prints, and how it ends."""

    code: int
    out: str

    def line(self, start: str) -> str:
        """The one line of the table that begins so."""
        (found,) = [line for line in self.out.splitlines() if line.startswith(f"  {start}")]
        return found


@pytest.fixture(scope="module")
def environment(distributions: Distributions, python3_folder: Path) -> dict[str, str]:
    """The variables of the stranger's processes."""
    return pip_environment(distributions, python3_folder)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str], python3_folder: Path) -> Path:
    """The interpreter of an environment with what the page tells to install."""
    (install,) = [block.text for block in blocks(PAGE) if "[testing]" in block.text]
    words = re.fullmatch(r'pip install "(\S+)" (\w+)\n', install)
    assert words
    folder = tmp_path_factory.mktemp("stranger")
    run(python3_folder / "python3", "-m", "venv", folder / "venv", cwd=folder, environment=environment)
    python = folder / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", *words.groups(), cwd=folder, environment=environment)
    return python


def write_page(folder: Path) -> list[Block]:
    """Write the files of the page's proof, and return its blocks."""
    wanted = ("discord_handler.py", "discord_stand_in.py", "conftest.py", "test_discord.py")
    found = blocks(PAGE)
    for block in found:
        name = block.text.partition("\n")[0].removeprefix("# ")
        if name in wanted:
            (folder / name).write_text(block.text, encoding="utf-8")
    assert sorted(path.name for path in folder.iterdir()) == sorted(wanted)
    return found


def write_shelf(folder: Path, mistake: tuple[str, str] = ("", "")) -> None:
    """Write the shelf's handler and suite; `mistake`: what stands in the handler in place of what."""
    handler = (SHELF / "shelf_handler.py").read_text(encoding="utf-8")
    assert mistake[0] in handler
    (folder / "shelf_handler.py").write_text(handler.replace(*mistake) if mistake[0] else handler, encoding="utf-8")
    (folder / "shelf_stand_in.py").write_text((SHELF / "shelf_stand_in.py").read_text(encoding="utf-8"))
    (folder / "test_shelf.py").write_text((SHELF / "shelf_suite.py").read_text(encoding="utf-8"))
    (folder / "conftest.py").write_text(CONFTEST)


def prove(python: Path, folder: Path, environment: Mapping[str, str], *options: str) -> Said:
    """Run the suite there."""
    done = subprocess.run(
        [str(python), "-m", "pytest", "-q", *options],
        cwd=folder,
        env=dict(environment),
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=PATIENCE_SECONDS * 2,
        check=False,
    )
    return Said(code=done.returncode, out=done.stdout)


def test_the_handler_of_the_page_is_proven_as_the_page_says(
    python: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    found = write_page(tmp_path)
    said = prove(python, tmp_path, environment)
    assert said.code == 0, said.out
    (table,) = [block.text for block in found if block.language == "text" and "promises" in block.text]
    assert [line for line in table.splitlines() if line != "  ..." and line not in said.out.splitlines()] == []


def test_a_strangers_handler_is_proven(python: Path, tmp_path: Path, environment: dict[str, str]) -> None:
    write_shelf(tmp_path)
    said = prove(python, tmp_path, environment, "-rs")
    assert said.code == 0, said.out
    assert "what Shelf promises" in said.out
    assert said.line("yes     A create whose answer was lost is not made twice")
    assert said.line("no      Pictures are shown").endswith("(takes_media = False)")
    # The table says it, and each case as well.
    assert "shelf cannot be asked what is there (can_be_read = False)" in said.out


MISTAKES = {
    "not idempotent": (
        ('"key": job.idempotency_key', '"key": __import__("uuid").uuid4().hex'),
        "A create whose answer was lost is not made twice",
        "or send job.idempotency_key",
        "3 copies where 2 are right",
    ),
    "swallows 429": (
        ('raise syncqueue.RateLimited("The shelf asks to wait.", after_seconds=seconds)', "return '1'"),
        "A 429 is waited out and costs no attempt",
        "raise RateLimited(text, after_seconds=...)",
        "answered 429, and the handler let the record be synced",
    ),
    "forgets parts": (
        ("self.remove(job, job.parts)", "self.remove(job, job.parts[:1])"),
        "A long text is shown whole, and edited and taken away whole",
        "delete(job) takes away every one of job.parts",
        "copies where 0 are right",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_typical_mistake_fails_with_a_sentence_that_tells_what_to_mend(
    python: Path, tmp_path: Path, environment: dict[str, str], name: str
) -> None:
    mistake, promise, mend, seen = MISTAKES[name]
    write_shelf(tmp_path, mistake)
    said = prove(python, tmp_path, environment, "-k", "lost or 429 or long_note or new_note")
    assert said.code == 1, said.out
    assert said.line("failed  ") == f"  failed  {promise}"
    after = said.out.split(f"  failed  {promise}\n")[1]
    assert mend in after.splitlines()[0]
    assert seen in said.out
    assert "What to mend" in said.out


def test_a_site_without_extras_has_none_of_it(
    tmp_path: Path, distributions: Distributions, environment: dict[str, str], python3_folder: Path
) -> None:
    run(python3_folder / "python3", "-m", "venv", tmp_path / "venv", cwd=tmp_path, environment=environment)
    python = tmp_path / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "django-syncqueue", cwd=tmp_path, environment=environment)
    names = ("pytest", "starlette", "uvicorn", "jinja2", "fakeredis")
    code = f"""
import importlib.util, sys
assert not [name for name in {names!r} if importlib.util.find_spec(name)]
import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "syncqueue"],
    SYNCQUEUE={{"REDIS": "redis://127.0.0.1:1/0", "HANDLERS": {{}}}},
)
django.setup()
from syncqueue.testing import captured_syncs, sending
print(sorted(name for name in sys.modules if "conformance" in name or "testing.sandbox" in name))
"""
    assert run(python, "-c", code, cwd=tmp_path, environment=environment).strip() == "[]"
