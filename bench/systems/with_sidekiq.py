"""Sidekiq."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from bench.systems.elsewhere import Elsewhere

HERE = Path(__file__).resolve().parent / "sidekiq"


class System(Elsewhere):
    """Ten threads (the default before version 7) for no-ops, or as many as there are waiting jobs."""

    name = "sidekiq"
    notes = "the free edition: takes a job off before it runs"
    default = "10 threads"

    @property
    def version(self) -> str:
        """The one that Ruby finds."""
        command = ["ruby", "-r", "sidekiq/version", "-e", "puts Sidekiq::VERSION"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def missing(self) -> str:
        """Ruby, or Sidekiq."""
        return next((f"{tool} is missing" for tool in ("ruby", "sidekiq") if not shutil.which(tool)), "")

    def enqueuer(self) -> list[str]:
        """With the job's class, as a site would."""
        return ["ruby", str(HERE / "enqueuer.rb")]

    def worker(self, kind: str, concurrency: int) -> list[str]:
        """One process."""
        threads = ["-c", str(concurrency)] if kind == "io" else []
        return ["sidekiq", "-e", "production", "-r", str(HERE / "job.rb"), *threads]
