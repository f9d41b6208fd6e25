"""The fault tests' site with a web server, so that a browser can look at it."""

from __future__ import annotations

import socket
import urllib.request
from contextlib import closing

from tests.eventually import eventually
from tests.faults.site import Site

PREFIX = "/under/here"  # where the site stands below its host: every address must be made by Django


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return int(listener.getsockname()[1])


class WebSite:
    """A site, and the address its web server answers at."""

    def __init__(self, site: Site) -> None:
        """Start the web server and wait until it answers."""
        self.site = site
        port = free_port()
        self.base = f"http://127.0.0.1:{port}{PREFIX}"
        site.variables["SITE_URL"] = self.base
        options = ["--bind", f"127.0.0.1:{port}", "--workers", "1", "--threads", "4", "--log-level", "warning"]
        self._process = site.module("gunicorn", "project.wsgi", *options, "--no-control-socket", SCRIPT_NAME=PREFIX)
        eventually(self._answers)

    def _answers(self) -> None:
        assert self._process.poll() is None, self.site.logs()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            opener.open(f"{self.base}/login/", timeout=30).close()
        except OSError as error:
            raise AssertionError(str(error)) from error
