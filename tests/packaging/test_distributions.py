"""What is in the wheel and the sdist, and what they say of themselves."""

from __future__ import annotations

import email
import re
import sys
import tarfile
import zipfile
from email.message import Message

import pytest

import syncqueue
from tests.packaging.distributions import CHECKOUT, Distributions, run

# Made here, and made anew wherever they are needed.
MADE = {"__pycache__", "_build", "reference"}


def files(*folders: str) -> set[str]:
    """The files of these folders, as paths from the top of the checkout."""
    found = (path for folder in folders for path in (CHECKOUT / folder).rglob("*") if path.is_file())
    relative = (path.relative_to(CHECKOUT) for path in found)
    return {path.as_posix() for path in relative if not MADE & set(path.parts)}


@pytest.fixture
def wheel_names(distributions: Distributions) -> set[str]:
    """The files in the wheel."""
    with zipfile.ZipFile(distributions.wheel) as wheel:
        return set(wheel.namelist())


@pytest.fixture
def metadata(distributions: Distributions) -> Message:
    """The wheel's METADATA."""
    with zipfile.ZipFile(distributions.wheel) as wheel:
        (name,) = [one for one in wheel.namelist() if one.endswith(".dist-info/METADATA")]
        return email.message_from_bytes(wheel.read(name))


def test_the_wheel_holds_every_file_of_the_app_and_nothing_else(wheel_names: set[str]) -> None:
    of_the_app = {name for name in wheel_names if ".dist-info/" not in name}

    assert of_the_app == files("syncqueue")


def test_the_wheel_holds_scripts_pages_styles_and_the_mark_of_typing(wheel_names: set[str]) -> None:
    kinds = {name.rpartition(".")[2] for name in wheel_names if name.startswith("syncqueue/")}

    assert {"py", "lua", "html", "css", "typed"} <= kinds


def test_the_wheel_stays_small(distributions: Distributions) -> None:
    assert distributions.wheel.stat().st_size < 1_000_000  # bytes; the suite and the sandbox are a tenth of it


def test_every_translation_in_the_wheel_is_compiled(wheel_names: set[str]) -> None:
    written = {name for name in wheel_names if name.endswith(".po")}

    assert {name.removesuffix("po") + "mo" for name in written} <= wheel_names


def test_the_sdist_holds_what_it_takes_to_test_and_to_build_the_pages(distributions: Distributions) -> None:
    with tarfile.open(distributions.sdist) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}

    assert files("syncqueue", "project", "tests", "docs", "templates", "deploy") <= names
    assert {
        "Makefile",
        ".ci/run",
        "constraints.txt",
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
        "manage.py",
        "noxfile.py",
    } <= names
    assert {"CONTRIBUTING.md", "SECURITY.md", ".editorconfig"} <= names


def test_the_index_would_take_both(distributions: Distributions) -> None:
    run(
        sys.executable, "-m", "twine", "check", "--strict", distributions.wheel, distributions.sdist,
        cwd=distributions.folder,
    )  # fmt: skip


def test_the_wheel_says_its_licence_its_types_and_its_version(metadata: Message) -> None:
    assert metadata["License-Expression"] == "MIT"
    assert metadata["License-File"] == "LICENSE"
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])
    assert metadata["Version"] == syncqueue.__version__


def test_there_is_an_extra_for_each_built_in_service_and_for_figures_and_traces(metadata: Message) -> None:
    extras = set(metadata.get_all("Provides-Extra", []))

    assert {"telegram", "mastodon", "manticore", "webhook", "bluesky", "metrics", "otel", "testing"} <= extras


def test_the_changelog_has_a_part_for_this_version() -> None:
    assert re.search(rf"^## {re.escape(syncqueue.__version__)}\b", (CHECKOUT / "CHANGELOG.md").read_text(), re.M)


def test_constraints_are_exact_versions_without_an_address() -> None:
    lines = (CHECKOUT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]

    assert all(re.fullmatch(r"[\w.-]+==[\w.]+( ; python_version [<>=]+ \"3\.\d+\")?", pin) for pin in pins)
