"""Texts that are small to write and may be large to read: each takes about as many characters as it is asked for."""

from __future__ import annotations

from collections.abc import Callable

Shape = Callable[[int], str]


def _repeated(piece: str) -> Shape:
    def shape(size: int) -> str:
        return piece * (size // len(piece))

    return shape


def _nested(opening: str, closing: str) -> Shape:
    def shape(size: int) -> str:
        depth = size // (len(opening) + len(closing))
        return f"{opening * depth}x{closing * depth}"

    return shape


def _staircase(size: int) -> str:
    """A list in a list in a list: each line is indented by two more."""
    depth = int(size**0.5)
    return "\n".join("  " * level + "- x" for level in range(depth))


def _table(size: int) -> str:
    columns = max(int((size / 8) ** 0.5), 1)
    line = "|" + "a|" * columns + "\n"
    return line + "|" + "-|" * columns + "\n" + line * (size // len(line))


def _wide_table(size: int) -> str:
    columns = size // 6
    line = "|" + "a|" * columns + "\n"
    return line + "|" + "-|" * columns + "\n" + line


SHAPES: dict[str, Shape] = {
    "plain words": _repeated("word "),
    "open comments": _repeated("<!--"),
    "closed comments": _repeated("<!-- -->"),
    "open comments with ends": _repeated("<!--> "),
    "open comments in a line": lambda size: "a " + "<!--" * (size // 4),
    "open comments in a list": lambda size: "- a <!--" * (size // 8),
    "open tags": _repeated("<a"),
    "open tags in a line": lambda size: "a " + "<a " * (size // 3),
    "open spans": _repeated("a <span "),
    "open declarations": _repeated("a <!A "),
    "open processing": _repeated("a <?"),
    "open cdata": _repeated("a <![CDATA["),
    "nested list on a line": _nested("- ", ""),
    "nested list by lines": _staircase,
    "nested quotes": _nested("> ", ""),
    "quote and list": _nested("> - ", ""),
    "quotes by lines": lambda size: "\n".join(">" * level + " x" for level in range(int((2 * size) ** 0.5))),
    "deep emphasis": _nested("*a ", "*"),
    "deep strong": _nested("**a ", "**"),
    "mixed emphasis": _repeated("*_**__a"),
    "stars": _repeated("*"),
    "underscores": _repeated("_a"),
    "open brackets": _repeated("["),
    "nested brackets": _nested("[", "](x)"),
    "nested pictures": _nested("![", "](x)"),
    "links": _repeated("[a](b)"),
    "open links": _repeated("[a]("),
    "references": lambda size: "".join(f"[{n}]: x\n" for n in range(size // 8)) + "[0]" * 10,
    "backticks": lambda size: " ".join("`" * n for n in range(1, int((2 * size) ** 0.5))),
    "open spoilers": _repeated("||a "),
    "open strikes": _repeated("~~a "),
    "ampersands": _repeated("&amp;"),
    "long word": _repeated("x"),
    "long wide word": _repeated("漢"),
    "combining marks": _repeated("\u0301"),
    "joined emoji": _repeated("👩\u200d"),
    "hashes": _repeated("#a "),
    "hash signs": _repeated("#"),
    "mentions": _repeated("@a@b.example "),
    "mention signs": _repeated("@a"),
    "URLs": _repeated("https://a.example/ "),
    "long URL": lambda size: "https://" + "a." * (size // 2),
    "dots": _repeated("a."),
    "line ends": _repeated("\n"),
    "spaces": _repeated(" "),
    "white space and ends": _repeated(" \n"),
    "tabs": _repeated("\t"),
    "headings": _repeated("# a\n"),
    "rules": _repeated("---\n"),
    "fences": _repeated("```\n"),
    "open fence": lambda size: "```\n" + "a\n" * (size // 2),
    "table": _table,
    "wide table": _wide_table,
    "footnotes": _repeated("[^a]"),
    "html blocks": _repeated("<div>\n"),
    "task items": _repeated("- [ ] a\n"),
    "escapes": _repeated("\\*"),
}
