"""Stand-ins for outside services on this machine: real HTTP, a page, and a mode for each service.

Run it with ``python -m project.sandbox``. It is plain Python: beside its engine, `syncqueue.testing.sandbox`, it
imports neither Django nor syncqueue, so that its log is independent evidence. See ``README.md`` in this folder.
"""

from pathlib import Path

TEMPLATES = Path(__file__).parent / "templates"
"""The parts of the page that show the services."""
