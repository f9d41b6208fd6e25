"""The address of the queues' Redis: SYNCQUEUE["REDIS"] parsed into options of redis-py's connections.

No error message shows a part of a malformed address, because any part of a URL may belong to its password. The URL
forms are those of redis-py (https://redis.readthedocs.io/en/stable/connections.html#redis.Redis.from_url). They are
parsed strictly, because urllib would take a piece of an unescaped password for a host, a port or a database.
"""

from __future__ import annotations

import difflib
import os
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from syncqueue.core.errors import ConfigurationError

SETTING = "SYNCQUEUE['REDIS']"
_SCHEMES = ("redis://", "rediss://", "unix://")
_ESCAPES = "%23 for #, %2F for /, %3F for ?, %40 for @, %3A for :, %25 for %"


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisAddress:
    """One server, a master behind sentinels, or a cluster."""

    options: Mapping[str, Any] = field(repr=False)  # options of redis-py's connections; may hold the password
    is_tls: bool = False
    nodes: tuple[tuple[str, int], ...] = ()  # sentinels, or some nodes of a cluster
    master: str = ""  # the name of the master at the sentinels
    sentinel_options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_sentinel(self) -> bool:
        """Whether sentinels locate the server."""
        return self.master != ""

    @property
    def is_cluster(self) -> bool:
        """Whether it is a Redis Cluster."""
        return bool(self.nodes) and not self.master

    @property
    def database(self) -> tuple[str, int]:
        """Server and database number, for comparing two addresses. Valid for a single server only."""
        server = self.options.get("path")
        if server is None:
            host = self.options.get("host", "localhost")
            server = f"{'127.0.0.1' if host == 'localhost' else host}:{self.options.get('port', 6379)}"
        return str(server), int(self.options.get("db", 0))


def is_url(where: object) -> bool:
    """Return whether a value is meant as a URL and not as the alias of a cache."""
    return isinstance(where, str) and (where.lower().startswith(_SCHEMES) or "://" in where)


def _is_whole(minimum: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= minimum


def _is_file(value: Any) -> bool:
    return isinstance(value, str | os.PathLike) and os.path.isfile(value) and os.access(value, os.R_OK)


def _is_folder(value: Any) -> bool:
    return isinstance(value, str | os.PathLike) and os.path.isdir(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_tls_version(value: Any) -> bool:
    return isinstance(value, int) and value in {version.value for version in ssl.TLSVersion}


# The options that an address may have: a check of the value, and what it expects. None: any value.
_WORDS: Mapping[str, tuple[Callable[[Any], bool], str] | None] = {
    "db": (_is_whole(0), "the number of a database, 0 or more"),
    "username": (_is_text, "a text"),
    "password": (_is_text, "a text"),
    "client_name": (_is_text, "a text"),
    "protocol": (lambda value: value in (2, 3), "2 or 3"),
    "credential_provider": None,
    "socket_keepalive_options": (lambda value: isinstance(value, Mapping), "a dict"),
    "ssl": (_is_flag, "True or False"),
    "ssl_keyfile": (_is_file, "a file that can be read"),
    "ssl_certfile": (_is_file, "a file that can be read"),
    "ssl_ca_certs": (_is_file, "a file that can be read"),
    "ssl_ca_path": (_is_folder, "a folder"),
    "ssl_ca_data": None,
    "ssl_cert_reqs": (
        lambda value: value in ("none", "optional", "required") or isinstance(value, ssl.VerifyMode),
        "none, optional or required",
    ),
    "ssl_check_hostname": (_is_flag, "true or false"),
    "ssl_min_version": (_is_tls_version, "a number of ssl.TLSVersion, such as 771 (TLS 1.2)"),
    "ssl_ciphers": (_is_text, "a text"),
    "ssl_password": (_is_text, "a text"),
}
# Options of redis-py that syncqueue sets itself: they bound how long a save waits, must be longer than a worker's
# blocking call, and keep clients from sending a command twice.
_OURS = frozenset(
    ("socket_timeout", "socket_connect_timeout", "timeout", "socket_keepalive", "socket_read_size")
    + ("retry", "retry_on_timeout", "retry_on_error", "max_connections", "health_check_interval")
    + ("decode_responses", "encoding", "encoding_errors", "legacy_responses", "parser_class", "is_master")
)
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def address_of_url(url: str, setting: str = SETTING) -> RedisAddress:
    """Read a redis://, rediss:// or unix:// URL. Raises `ConfigurationError`, which shows nothing of the URL."""
    split = _split(url, setting)
    words = _query(split, setting)
    for name in ("username", "password"):
        if value := getattr(split, name):
            words[name] = unquote(value)
    if split.scheme == "unix":
        if not split.path:
            raise ConfigurationError(f"{setting}: a unix:// URL names a socket, such as unix:///run/redis.sock?db=1")
        words["path"] = unquote(split.path)
        if any(name.startswith("ssl_") for name in words):
            raise ConfigurationError(f"{setting}: a unix:// URL has no TLS, so it takes no ssl_ options.")
    else:
        words |= _server(split, words, setting)
    return RedisAddress(options=words, is_tls=split.scheme == "rediss")


def _split(url: str, setting: str) -> SplitResult:
    if not url.startswith(_SCHEMES):
        raise ConfigurationError(f"{setting}: a URL of Redis begins with redis://, rediss:// (TLS) or unix://")
    if any(character.isspace() or not character.isprintable() for character in url):
        raise ConfigurationError(
            f"{setting}: the URL holds a blank or a control character; write it as %20 or the like."
        )
    try:
        split = urlsplit(url)
    except ValueError:  # its text shows a part of the URL
        raise ConfigurationError(_unreadable(setting)) from None
    # After the host, a bare @ or # can only be the rest of an unescaped password.
    if split.fragment or "#" in url or "@" in split.query or (split.scheme != "unix" and "@" in split.path):
        raise ConfigurationError(_unreadable(setting))
    return split


def _unreadable(setting: str) -> str:
    return (
        f"{setting}: the URL cannot be read. It is redis://user:password@host:6379/0 (rediss:// for TLS); in user and "
        f"password write {_ESCAPES} (urllib.parse.quote(password, safe='') does it)."
    )


def _query(split: SplitResult, setting: str) -> dict[str, Any]:
    """Return the options in the query string."""
    try:
        pairs = parse_qsl(split.query, keep_blank_values=True, strict_parsing=True) if split.query else []
    except ValueError:
        raise ConfigurationError(_unreadable(setting)) from None
    given: dict[str, Any] = {}
    for name, text in pairs:
        given[name] = _value(name, text)
    # The scheme rediss:// selects TLS.
    return _taken(given, f"{setting}, behind the ? of the URL", without=("ssl", "credential_provider"))


def _value(name: str, text: str) -> Any:
    if name in ("db", "protocol", "ssl_min_version"):
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text
    if name == "ssl_check_hostname":
        return _BOOLEANS.get(text.lower(), text)
    return text


def _server(split: SplitResult, words: Mapping[str, Any], setting: str) -> dict[str, Any]:
    """Return host, port and database of a redis:// or rediss:// URL."""
    found: dict[str, Any] = {}
    try:
        port = split.port
    except ValueError:  # its text shows the invalid port, which may be part of a password
        raise ConfigurationError(_unreadable(setting)) from None
    if port == 0 or split.netloc.endswith(":"):
        raise ConfigurationError(_unreadable(setting))
    if split.hostname:
        found["host"] = unquote(split.hostname)
    if port:
        found["port"] = port
    number = split.path.strip("/")
    if number and not (number.isascii() and number.isdigit() and len(number) < 10):
        raise ConfigurationError(_unreadable(setting))
    if number and "db" not in words:
        found["db"] = int(number)
    return found


def _taken(given: Mapping[Any, Any], where: str, *, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the validated options. Raises `ConfigurationError`, which shows no value."""
    known = [name for name in _WORDS if name not in without]
    taken: dict[str, Any] = {}
    for name, value in given.items():
        if name in _OURS:
            continue
        if name not in known:
            near = difflib.get_close_matches(str(name), known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}."
            raise ConfigurationError(f"{where}: there is an unknown option; {hint}")
        rule = _WORDS[name]
        if rule is not None and value is not None and not rule[0](value):
            raise ConfigurationError(f"{where}: {name} is {rule[1]}.")
        if value is not None:
            taken[name] = value
    return taken


def address_of_dict(where: Mapping[Any, Any], setting: str = SETTING) -> RedisAddress:
    """Read the dict of a Sentinel or a Cluster. Raises `ConfigurationError`, which shows no value."""
    known = ("NODES", "OPTIONS") if "NODES" in where else ("SENTINELS", "MASTER", "OPTIONS", "SENTINEL_OPTIONS")
    if "NODES" not in where and not ("SENTINELS" in where and isinstance(where.get("MASTER"), str) and where["MASTER"]):
        raise ConfigurationError(
            f"{setting} as a dict needs SENTINELS (a list of (host, port)) and MASTER (its name), or for a Redis "
            f"Cluster NODES (a list of (host, port))."
        )
    for name in where:
        if name not in known:
            raise ConfigurationError(f"{setting}: this dict has an unknown key; known: {', '.join(known)}.")
    options = _options(where, "OPTIONS", setting)
    is_tls = bool(options.pop("ssl", False))
    if "NODES" in where:
        return RedisAddress(options=options, is_tls=is_tls, nodes=_nodes(where, "NODES", setting))
    return RedisAddress(
        options=options,
        is_tls=is_tls,
        nodes=_nodes(where, "SENTINELS", setting),
        master=where["MASTER"],
        sentinel_options=_options(where, "SENTINEL_OPTIONS", setting),
    )


def _options(where: Mapping[str, Any], part: str, setting: str) -> dict[str, Any]:
    given = where.get(part, {})
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"{setting}[{part!r}] is a dict of redis-py options, such as username and password.")
    return _taken(given, f"{setting}[{part!r}]")


def _nodes(where: Mapping[str, Any], part: str, setting: str) -> tuple[tuple[str, int], ...]:
    text = f"{setting}[{part!r}] is a list of (host, port), such as [('10.0.0.1', 6379)]"
    if isinstance(where[part], str):
        raise ConfigurationError(f"{text}.")
    try:
        nodes = tuple((str(host), int(port)) for host, port in where[part])
    except (TypeError, ValueError):
        raise ConfigurationError(f"{text}.") from None
    if not nodes:
        raise ConfigurationError(f"{text}; it is empty.")
    return nodes


def address_of_pool(options: Mapping[str, Any], *, is_tls: bool, setting: str) -> RedisAddress:
    """Return the address in another pool's connection options. Raises `ConfigurationError`, which shows no value."""
    server = {name: options[name] for name in ("host", "port", "path") if options.get(name) is not None}
    known = {name: value for name, value in options.items() if name in _WORDS and name != "ssl"}
    if not isinstance(known.get("socket_keepalive_options"), Mapping):  # redis-py's sentinel object for its defaults
        known.pop("socket_keepalive_options", None)
    return RedisAddress(options=server | _taken(known, setting), is_tls=is_tls)
