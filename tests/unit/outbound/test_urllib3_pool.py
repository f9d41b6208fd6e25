"""urllib3 and requests by way of outbound.py, and what users' URLs may lead to."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
import urllib3

from syncqueue.outbound.connect import Outbound, find_forbidden, is_unsent
from syncqueue.outbound.requests_adapter import Fetched, FetchError, OutboundSession, fetch
from syncqueue.outbound.urllib3_pool import pool_manager
from tests.loopback import Resolver, black_hole, closed_port, serving

GUARDED = Outbound(public_only=True)


class Site(ThreadingHTTPServer):
    """Gives what stands in `pages` by path: a status, headers and a body, or a function that writes by itself."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Page)
        self.pages: dict[str, Any] = {}
        self.asked: list[tuple[str, str]] = []  # the host that was named, and the path

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gave up is what some tests are about."""


class _Page(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.server.asked.append((self.headers["Host"].partition(":")[0], self.path))
        page = self.server.pages[self.path]
        if callable(page):
            return page(self)
        status, headers, body = page
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[Site]:
    """A web site on this machine."""
    with Site() as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found
        found.shutdown()
        thread.join()


@pytest.fixture
def opened(site: Site, resolver: Resolver) -> Iterator[OutboundSession]:
    """A session that may reach the site as "intern.test", and knows it as "other.test" too."""
    resolver.names |= {"intern.test": ["127.0.0.1"], "other.test": ["127.0.0.1"]}
    allowed = (f"intern.test:{site.server_address[1]}",)
    with OutboundSession(Outbound(public_only=True, allowed_private_hosts=allowed)) as found:
        yield found


def url(site: Site, path: str = "/", host: str = "intern.test") -> str:
    return f"http://{host}:{site.server_address[1]}{path}"


def get(opened: OutboundSession, address: str, *, timeout_seconds: float = 5.0) -> Fetched:
    return fetch(opened, address, max_bytes=1000, max_redirects=2, timeout_seconds=timeout_seconds)


def test_a_dead_ipv6_route_does_not_keep_a_request_from_arriving(resolver: Resolver) -> None:
    with serving() as host, black_hole(host.port) as (dead, port):
        resolver.names["dual.test"] = [dead, "127.0.0.1"]
        with pool_manager(Outbound()) as manager:
            assert manager.request("POST", f"http://dual.test:{port}/", body=b"x", retries=False).status == 200


def test_a_connection_is_kept_and_keeps_its_timeout() -> None:
    with serving() as host, pool_manager(Outbound()) as manager:
        for _ in range(2):
            manager.request("POST", f"http://127.0.0.1:{host.port}/", body=b"x", timeout=5.0)
        assert len(set(host.peers)) == 1
        host.ready.clear()
        with pytest.raises(urllib3.exceptions.ReadTimeoutError) as caught:
            manager.request("POST", f"http://127.0.0.1:{host.port}/", body=b"x", timeout=0.1, retries=False)
        assert not is_unsent(caught.value)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_was_never_sent_is_told_from_what_was(scheme: str) -> None:
    with OutboundSession(Outbound()) as opened, pytest.raises(requests.ConnectionError) as caught:
        opened.post(f"{scheme}://127.0.0.1:{closed_port()}/", data=b"x", timeout=1.0)
    assert is_unsent(caught.value)


def test_a_connect_timeout_sent_nothing() -> None:
    with black_hole() as (dead, port), pool_manager(Outbound()) as manager:
        host = f"[{dead}]" if ":" in dead else dead
        with pytest.raises(urllib3.exceptions.MaxRetryError) as caught:
            manager.request("POST", f"http://{host}:{port}/", timeout=urllib3.Timeout(connect=0.1), retries=0)
    assert is_unsent(caught.value)


def test_a_failed_tls_handshake_sent_nothing() -> None:
    with serving() as host, OutboundSession(Outbound()) as opened, pytest.raises(requests.ConnectionError) as caught:
        opened.post(f"https://127.0.0.1:{host.port}/", data=b"x", timeout=1.0)
    assert is_unsent(caught.value)


def test_a_private_host_is_refused_to_both(site: Site) -> None:
    with OutboundSession(GUARDED) as opened, pytest.raises(requests.ConnectionError) as caught:
        opened.get(url(site, host="127.0.0.1"), timeout=1.0)
    assert find_forbidden(caught.value)
    with pool_manager(GUARDED) as manager, pytest.raises(urllib3.exceptions.MaxRetryError) as refused:
        manager.request("GET", url(site, host="127.0.0.1"), retries=0)
    assert find_forbidden(refused.value)
    assert site.asked == []


def test_no_proxy_of_the_environment_is_used(opened: OutboundSession, site: Site, monkeypatch: Any) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    site.pages["/"] = (200, {}, b"here")
    assert opened.get(url(site), timeout=5.0).content == b"here"


def test_a_session_follows_no_redirect_with_what_it_posts(opened: OutboundSession, site: Site) -> None:
    site.pages |= {"/": (307, {"Location": "/next"}, b""), "/next": (200, {}, b"")}
    assert opened.get(url(site), timeout=5.0).status_code == 307
    assert site.asked == [("intern.test", "/")]


def test_fetch_answers_content_and_type(opened: OutboundSession, site: Site) -> None:
    site.pages |= {
        "/": (302, {"Location": "/image"}, b""),
        "/image": (200, {"Content-Type": "image/png; x=y"}, b"pixels"),
    }
    assert get(opened, url(site)) == Fetched(content=b"pixels", content_type="image/png")


def test_fetch_refuses_a_redirect_to_a_private_address(opened: OutboundSession, site: Site) -> None:
    target = url(site, "/secret", host="other.test").replace("http:", "https:")
    site.pages["/"] = (302, {"Location": target}, b"")
    with pytest.raises(FetchError, match=r"other\.test has no public address"):
        get(opened, url(site))
    assert [path for _, path in site.asked] == ["/"]


@pytest.mark.parametrize("location", ["http://other.test/", "file:///etc/hosts", "ftp://intern.test/", "https://[", ""])
def test_fetch_refuses_a_redirect_to_what_may_not_be_fetched(
    opened: OutboundSession, site: Site, location: str
) -> None:
    site.pages["/"] = (302, {"Location": location}, b"")
    with pytest.raises(FetchError):
        get(opened, url(site))
    assert {host for host, _ in site.asked} == {"intern.test"}


def test_fetch_gives_up_redirects_in_a_ring(opened: OutboundSession, site: Site) -> None:
    site.pages["/"] = (302, {"Location": "/"}, b"")
    with pytest.raises(FetchError, match="more than 2 times"):
        get(opened, url(site))
    assert len(site.asked) == 3


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("http://other.test/a?token=x", r"other\.test: only https"),
        ("ftp://intern.test/", "URL cannot be fetched"),
        ("https://user:password@intern.test/", "URL cannot be fetched"),
        ("no url", "URL cannot be fetched"),
    ],
)
def test_fetch_takes_https_without_passwords_alone(opened: OutboundSession, address: str, text: str) -> None:
    with pytest.raises(FetchError, match=text) as caught:
        get(opened, address)
    assert "token" not in str(caught.value)
    assert "password@" not in str(caught.value)


def test_fetch_stops_at_its_size(opened: OutboundSession, site: Site) -> None:
    site.pages |= {"/": (200, {}, b"x" * 1001), "/fits": (200, {}, b"x" * 1000)}
    assert len(get(opened, url(site, "/fits")).content) == 1000
    with pytest.raises(FetchError, match="larger than 1000 bytes"):
        get(opened, url(site))


def test_fetch_refuses_compressed_content_and_errors(opened: OutboundSession, site: Site) -> None:
    site.pages |= {"/": (200, {"Content-Encoding": "gzip"}, b""), "/gone": (410, {}, b"")}
    with pytest.raises(FetchError, match="compressed"):
        get(opened, url(site))
    with pytest.raises(FetchError, match="returns 410"):
        get(opened, url(site, "/gone"))


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"])
def test_fetch_ends_in_time_with_a_host_that_sends_a_byte_now_and_then(
    opened: OutboundSession, site: Site, start: bytes
) -> None:
    is_over = threading.Event()

    def drip(page: _Page) -> None:
        page.wfile.write(start)
        with contextlib.suppress(OSError):
            while not is_over.wait(0.05):
                page.wfile.write(b"x")

    site.pages["/"] = drip
    with pytest.raises(FetchError, match=r"longer than 0\.5 s"):
        get(opened, url(site), timeout_seconds=0.5)
    is_over.set()


def test_fetch_says_that_a_host_is_not_there(opened: OutboundSession, resolver: Resolver) -> None:
    with pytest.raises(FetchError, match=r"nowhere\.test could not be reached"):
        get(opened, "https://nowhere.test/?token=x")


def test_what_is_fetched_sends_no_password_of_the_environment(
    opened: OutboundSession, site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine intern.test login someone password hidden\n")
    monkeypatch.setenv("NETRC", str(netrc))
    sent: list[Any] = []

    def keep(page: _Page) -> None:
        sent.append(page.headers.get("Authorization"))
        page.send_response(200)
        page.end_headers()

    site.pages["/"] = keep
    get(opened, url(site))
    assert sent == [None]


def test_an_ipv6_host_is_reached() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server, pool_manager(Outbound()) as manager:
        thread = threading.Thread(target=_answer_once, args=(server,))
        thread.start()
        assert manager.request("GET", f"http://[::1]:{server.getsockname()[1]}/").status == 204
        thread.join()


def _answer_once(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
