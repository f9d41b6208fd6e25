"""The database of a site: a file, or with TEST_DATABASE=postgresql a database of the server that this run has started.

Statements have a question mark for each value.
"""

from __future__ import annotations

import sqlite3
import uuid
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings

Rows = list[tuple[Any, ...]]


class SiteDatabase(Protocol):
    """What the tests ask of a database, past the site's own processes."""

    url: str  # for DATABASE_URL

    def create(self, template: Any = None) -> None:
        """Make it: empty, or with the tables and rows of another one that nobody uses."""

    def sql(self, statement: str, *values: Any) -> Rows:
        """The rows of a statement, which is committed."""

    def earlier(self, column: str, seconds: int) -> str:
        """The expression for a time so many seconds before that of a column."""

    def go_away(self) -> None:
        """From here on nobody gets a connection, and where there is a server those who have one lose it."""

    def come_back(self) -> None:
        """It is there again, with all it held."""

    def drop(self) -> None:
        """Let go of it; all processes have ended."""


class SqliteDatabase:
    """A file in the site's folder, which goes with the folder."""

    def __init__(self, folder: Path) -> None:
        """The file comes with its tables."""
        self._file = folder / "db.sqlite3"
        self.url = f"sqlite:///{self._file}"

    def create(self, template: SqliteDatabase | None = None) -> None:
        """With the first statement, or as a copy, also of what stands in no file but the log yet."""
        if template is not None:
            template.sql("VACUUM INTO ?", str(self._file))

    def sql(self, statement: str, *values: Any) -> Rows:
        """Waits for writers."""
        connection = sqlite3.connect(self._file, timeout=120, isolation_level=None)
        try:
            return connection.execute(statement, values).fetchall()
        finally:
            connection.close()

    def earlier(self, column: str, seconds: int) -> str:
        """Times are texts."""
        return f"strftime('%Y-%m-%d %H:%M:%f', {column}, '-{seconds} seconds')"

    def go_away(self) -> None:
        """A folder stands in its place."""
        self._file.rename(self._away)
        self._file.mkdir()

    def come_back(self) -> None:
        """The file as it was."""
        self._file.rmdir()
        self._away.rename(self._file)

    @property
    def _away(self) -> Path:
        return self._file.with_suffix(".away")

    def drop(self) -> None:
        """Nothing to do."""


class PostgresqlDatabase:
    """A database of its own on the server of this run."""

    def __init__(self, folder: Path) -> None:
        """`folder`: of the server's socket."""
        self._folder = folder
        self._name = f"site_{uuid.uuid4().hex}"
        self.url = f"postgres://postgres@/{self._name}?host={folder}"

    def create(self, template: PostgresqlDatabase | None = None) -> None:
        """The server copies a template's files."""
        name = "template1" if template is None else template._name
        self._ask("postgres", f"CREATE DATABASE {self._name} TEMPLATE {name}")

    def sql(self, statement: str, *values: Any) -> Rows:
        """Each statement has a connection of its own."""
        return self._ask(self._name, statement.replace("?", "%s"), *values)

    def earlier(self, column: str, seconds: int) -> str:
        """Times are times."""
        return f"{column} - interval '{seconds} seconds'"

    def go_away(self) -> None:
        """As while a server restarts."""
        self._ask("postgres", f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS false")
        self._ask("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", self._name)

    def come_back(self) -> None:
        """It takes connections."""
        self._ask("postgres", f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS true")

    def drop(self) -> None:
        """Also where a killed process is still connected."""
        self._ask("postgres", f"DROP DATABASE IF EXISTS {self._name} WITH (FORCE)")

    def _ask(self, name: str, statement: str, *values: Any) -> Rows:
        import psycopg  # installed for these runs alone

        with psycopg.connect(host=str(self._folder), user="postgres", dbname=name, autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []


def new_database(folder: Path) -> SiteDatabase:
    """A database for the site in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    entry = settings.DATABASES["default"]
    if entry["ENGINE"] == "django.db.backends.postgresql":
        return PostgresqlDatabase(Path(entry["HOST"]))
    return SqliteDatabase(folder)
