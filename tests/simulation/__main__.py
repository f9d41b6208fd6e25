"""`python -m tests.simulation --runs 100 --seed 1`: plays runs, each from a seed of its own, and says what they found.

Each run is a process of its own, forked from one that has loaded all: so every run begins with the same state, and a
process that is killed in a run leaves nothing behind.
"""

from __future__ import annotations

import argparse
import os
import sys

# Before anything is imported: the order of sets of texts must be the same each time.
if os.environ.get("PYTHONHASHSEED") != "0":
    os.execve(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]],  # noqa: S606
              os.environ | {"PYTHONHASHSEED": "0"})  # fmt: skip

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.simulation.settings"

import django  # noqa: E402

django.setup()

from tests.simulation import field  # noqa: E402
from tests.simulation.plan import FOCUS  # noqa: E402

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", default="1", help="of the first run; the others count on from it")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="runs at once")
    parser.add_argument("--plant", default="", help="put this fault into the system first")
    parser.add_argument("--focus", default="", choices=["", *FOCUS], help="some kinds of troubles alone")
    parser.add_argument("--trace", action="store_true", help="print all that happens")
    parser.add_argument("--only", default=None, help="the steps of the plan to be played: 3,7,12")
    parser.add_argument("--no-shrink", action="store_true", help="leave a failing run as it is")
    parser.add_argument("--most", type=int, default=1, help="end after so many failing runs")
    sys.exit(field.main(parser.parse_args()))
