"""BullMQ."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from bench.systems.elsewhere import Elsewhere

HERE = Path(__file__).resolve().parent / "bullmq"
PACKAGES = HERE.parent.parent / "output" / "bullmq"
INSTALL = ("npm", "install", "--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund", "--silent")


class System(Elsewhere):
    """One process on Node's event loop; finished jobs are removed, as for all."""

    name = "bullmq"
    notes = "ioredis; a lock for each job; 100 at once for no-ops"
    share = 4  # its code is warm only after some thousands
    default = "1 at once"
    extra = ("io_500",)

    def missing(self) -> str:
        """Node, its installer, or the packages: they are installed the first time."""
        for name in ("node", "npm"):
            if not shutil.which(name):
                return f"{name} is missing"
        return "" if self._install() else "npm could not install its packages"

    def _install(self) -> bool:
        wanted = (HERE / "package.json").read_text()
        installed = PACKAGES / "installed.json"  # written last, so that an install that broke off is done again
        if installed.exists() and installed.read_text() == wanted:
            return True
        PACKAGES.mkdir(parents=True, exist_ok=True)
        (PACKAGES / "package.json").write_text(wanted)
        if subprocess.run(INSTALL, cwd=PACKAGES, stdout=subprocess.DEVNULL, check=False).returncode:
            return False
        installed.write_text(wanted)
        return True

    @property
    def version(self) -> str:
        """The pinned one."""
        found: str = json.loads((HERE / "package.json").read_text())["dependencies"]["bullmq"]
        return found

    def enqueuer(self) -> list[str]:
        """With a client that is connected before it reads."""
        return self._node("enqueuer.js")

    def worker(self, kind: str, concurrency: int) -> list[str]:
        """One process."""
        return self._node("worker.js", *([] if kind == "default" else [str(concurrency)]))

    def _node(self, script: str, *arguments: str) -> list[str]:
        return ["env", f"NODE_PATH={PACKAGES / 'node_modules'}", "node", str(HERE / script), *arguments]
