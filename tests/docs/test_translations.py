"""The Chinese pages say what the English ones say, with the words that the admin uses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAIRS = (("README.md", "README.zh-hans.md"), ("docs/quickstart.md", "docs/quickstart.zh-hans.md"))
CATALOG = ROOT / "syncqueue/locale/zh_Hans/LC_MESSAGES/django.po"
# Another word for what the admin calls by one.
FORBIDDEN = {"目的地": "目标"}


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def links(page: str) -> set[str]:
    return {link.replace(".zh-hans", "") for link in re.findall(r"\]\(([^)]+)\)", page) if "README" not in link}


def marked(page: str) -> list[str]:
    """Names in backquotes outside blocks, which are the same in both languages."""
    return sorted(set(re.findall(r"`([^`]+)`", " ".join(re.sub(r"```.*?```", "", page, flags=re.S).split()))))


@pytest.mark.parametrize(("english", "chinese"), PAIRS)
def test_a_chinese_page_has_every_chapter_block_table_row_and_picture(english: str, chinese: str) -> None:
    for pattern in (r"(?m)^#+ ", r"(?m)^```\w*$", r"(?m)^\|", r"!\["):
        assert len(re.findall(pattern, text(chinese))) == len(re.findall(pattern, text(english))), pattern


def test_the_chinese_readme_has_every_link_and_name() -> None:
    assert links(text("README.zh-hans.md")) >= {
        one for one in links(text("README.md")) if not one.startswith("docs/images/")
    }
    missing = set(marked(text("README.md"))) - set(marked(text("README.zh-hans.md")))
    assert missing == set()


def test_figures_of_the_chinese_readme_are_those_of_the_english_one() -> None:
    def rows(page: str) -> list[str]:
        return [row.partition("|")[2].split("|", 1)[1] for row in re.findall(r"(?m)^\|.*\d.*\|$", page) if "**" in row]

    assert rows(text("README.zh-hans.md")) == rows(text("README.md"))


@pytest.mark.parametrize("page", [chinese for _english, chinese in PAIRS] + [str(CATALOG.relative_to(ROOT))])
def test_one_thing_has_one_word(page: str) -> None:
    found = {wrong: right for wrong, right in FORBIDDEN.items() if wrong in text(page)}
    assert found == {}


def test_pages_of_the_admin_are_named_as_it_shows_them() -> None:
    shown = re.search(r"站点的管理后台现在有(.*?)页面", text("docs/quickstart.zh-hans.md"))
    assert shown is not None
    names = re.findall(r"“(.*?)”", shown[1])
    catalog = text(str(CATALOG.relative_to(ROOT)))
    assert len(names) == 4 and all(f'msgstr "{name}"' in catalog for name in names), names
