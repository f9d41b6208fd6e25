"""Sphinx's settings for the pages. `make docs` builds them; every warning is an error."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

from generate import write_reference  # noqa: E402

import syncqueue  # noqa: E402

project = "syncqueue"
author = "the syncqueue developers"
version = release = syncqueue.__version__

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "README.md"]

html_theme = "furo"
html_title = f"syncqueue {release}"
html_theme_options = {"navigation_with_keys": True}
# The pages load nothing from other hosts.
html_show_sphinx = False

# Each build writes docs/reference/ from the code again, so that it cannot be outdated.
write_reference(Path(__file__).parent / "reference")
