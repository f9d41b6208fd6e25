"""Every visible text has a Chinese translation with the same placeholders, and the compiled catalog is up to date."""

from __future__ import annotations

import ast
import io
from collections.abc import Iterator
from gettext import GNUTranslations
from pathlib import Path

import pytest
from babel.messages import Catalog
from babel.messages.extract import extract_python
from babel.messages.pofile import read_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = ("_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "pgettext", "pgettext_lazy")
FOLDERS = [ROOT / "syncqueue" / "locale" / "zh_Hans" / "LC_MESSAGES"]


def sources(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Yield the source of modules, and templates converted to Python by Django."""
    for file in folder.rglob("*.py"):
        yield file, file.read_bytes()
    for file in (folder / "templates").rglob("*.html"):
        yield file, templatize(file.read_text(encoding="utf-8"), origin=str(file)).encode()


def texts_of(folder: Path) -> set[str]:
    """Return the English texts; the singular of those with a plural."""
    found: set[str] = set()
    for _, source in sources(folder):
        for _line, name, given, _comments in extract_python(io.BytesIO(source), FUNCTIONS, [], {"encoding": "utf-8"}):
            arguments = given if isinstance(given, tuple) else (given,)
            text = arguments[1] if name.startswith("p") else arguments[0]
            if isinstance(text, str):
                found.add(text)
    return found


def catalog(folder: Path) -> Catalog:
    with (folder / "django.po").open("rb") as file:
        return read_po(file, locale="zh_Hans", abort_invalid=True)


def ids(found: Catalog) -> set[str]:
    return {message.id[0] if isinstance(message.id, tuple) else message.id for message in found if message.id}


@pytest.mark.parametrize("folder", FOLDERS, ids=["syncqueue"])
def test_every_text_is_in_the_catalog_and_nothing_else(folder: Path) -> None:
    wanted, there = texts_of(folder.parents[2]), ids(catalog(folder))
    assert wanted - there == set(), "run `make messages`, then translate what is new"
    assert there - wanted == set(), "run `make messages`"


def test_what_is_translated_is_written_where_it_is_translated() -> None:
    """A text that a function is given before it translates it reaches no translator."""
    hidden = []
    for file in (ROOT / "syncqueue").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS:
                hidden += [f"{file.name}:{node.lineno}" for text in node.args[:1] if not isinstance(text, ast.Constant)]
    assert hidden == []


@pytest.mark.parametrize("folder", FOLDERS, ids=["syncqueue"])
def test_every_text_has_a_chinese_one_with_the_same_placeholders(folder: Path) -> None:
    found = catalog(folder)
    texts = {message.id: message.string for message in found if message.id}
    assert [id_ for id_, text in texts.items() if not (all(text) if isinstance(text, tuple) else text)] == []
    assert [message.id for message in found if message.id and message.fuzzy] == []
    assert [(message.id, list(map(str, errors))) for message, errors in found.check()] == []


@pytest.mark.parametrize("folder", FOLDERS, ids=["syncqueue"])
def test_the_compiled_catalog_is_that_of_the_texts(folder: Path) -> None:
    with (folder / "django.mo").open("rb") as file:
        shipped = GNUTranslations(file)
    for message in catalog(folder):
        if isinstance(message.id, tuple):
            assert shipped.ngettext(*message.id, 1) == message.string[0], "run `make messages`"
        elif message.context:
            assert shipped.pgettext(message.context, message.id) == message.string, "run `make messages`"
        elif message.id:
            assert shipped.gettext(message.id) == message.string, "run `make messages`"
