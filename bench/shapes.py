"""`make bench-shapes`: how long every renderer takes for every hostile shape of text, at a size and at four times it.

`tests/shapes/test_shapes.py` counts calls, which is exact but does not see the work inside of one call, such as that
of a regular expression. This sees it, and ends with exit code 1 where the time grows faster than GROWTH.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress

import django

SIZE = 12_000  # characters; four times as many are below the bounds of every renderer
GROWTH = 8  # for four times the size: proportional work takes 4, quadratic work 16
MEASURABLE_SECONDS = 0.2  # below this the clock says more of the machine than of the code


def main() -> int:
    """Print each pair that takes a measurable time, the slowest first; return the exit code."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from syncqueue.core.errors import PermanentError
    from syncqueue.handlers.base import Document
    from tests.hostile.shapes import SHAPES
    from tests.shapes.test_shapes import RENDERERS, Renderer

    def seconds(render: Renderer, text: str) -> float:
        documents = [Document(text=text, format=form, url="https://site.example/1") for form in ("markdown", "plain")]
        found = []
        for _ in range(3):
            began = time.process_time()
            for document in documents:
                with suppress(PermanentError):
                    render(document)
            found.append(time.process_time() - began)
        return min(found)

    rows = []
    for name, render in RENDERERS.items():
        for shape, make in SHAPES.items():
            rows.append((seconds(render, make(4 * SIZE)), seconds(render, make(SIZE)), name, shape))
    rows.sort(reverse=True)
    print(f"CPU seconds for {SIZE:,} and {4 * SIZE:,} characters, {len(rows)} pairs; below are those above 0.2 s")
    worst = 0.0
    for long, short, name, shape in rows:
        if long < MEASURABLE_SECONDS:
            break
        worst = max(worst, long / short)
        print(f"{short:7.3f} {long:7.3f}  x{long / short:4.1f}  {name}: {shape}")
    print(f"The fastest growth is x{worst:.1f}; proportional work grows x4, quadratic work x16.")
    return int(worst > GROWTH)


if __name__ == "__main__":
    sys.exit(main())
