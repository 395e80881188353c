"""Database URLs: what they name, and how they are shown without what must stay secret."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from shared.corpus.schema import Table
from shared.errors import ConfigurationError

_NO_DATABASES = frozenset(
    ("http", "https", "ftp", "sftp", "ssh", "s3", "s3a", "gs", "gcs", "az", "abfs", "adl", "hdfs")
)
_DATABASES = ("sqlite", "postgresql", "duckdb", "mysql", "mariadb", "mssql", "oracle")
_DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}


def is_database_url(location: object) -> bool:
    """Whether a location is the URL of a database: a dialect, perhaps with its driver, before ``://``."""
    match = re.match(r"([A-Za-z][A-Za-z0-9_]*)(\+[A-Za-z0-9_]+)?://", str(location))
    return match is not None and (match[2] is not None or match[1].lower() in (*_DATABASES, *_DRIVERS))


@dataclass(frozen=True)
class DatabaseUrl:
    """A database, and the schema of it whose tables are meant (``None``: the default one)."""

    url: URL
    schema: str | None

    @classmethod
    def parse(cls, text: str) -> DatabaseUrl:
        """``?schema=NAME`` names the schema of the database; all else is SQLAlchemy's.

        PostgreSQL is reached through psycopg unless the URL names another driver.

        Raises ``ConfigurationError``, which does not repeat the URL, for what is no URL.
        """
        try:
            url = make_url(text)
        except (ArgumentError, ValueError) as error:
            dialect = text.partition("://")[0]
            raise ConfigurationError(
                f"the database URL ({dialect}://...) cannot be read; write "
                f"{dialect}://user:password@host:port/database and percent-encode special characters of the password"
            ) from error
        schema = url.query.get("schema")
        if isinstance(schema, tuple):
            raise ConfigurationError(f"{_shown(url)}: 'schema' stands twice in the URL; give one")
        if url.drivername in _DRIVERS:
            url = url.set(drivername=_DRIVERS[url.drivername])
        return cls(url.difference_update_query(["schema"]), schema)

    @property
    def dialect(self) -> str:
        """Such as ``postgresql``."""
        return self.url.get_backend_name()

    @property
    def file(self) -> Path | None:
        """The file of an embedded database, ``None`` if there is none (in memory, or a server)."""
        name = self.url.database
        if self.dialect not in ("sqlite", "duckdb") or not name or name == ":memory:" or name.startswith("file:"):
            return None
        return Path(name)

    def place(self, table: Table) -> tuple[str | None, str]:
        """Database schema and name of a table; ``schema.table`` names both where databases have schemas."""
        if self.dialect != "sqlite" and "." in table.name:
            schema, _, name = table.name.partition(".")
            return schema, name
        return self.schema, table.name

    def __str__(self) -> str:
        """The URL without password and options."""
        return _shown(self.url) + (f"?schema={self.schema}" if self.schema else "")


def _shown(url: URL) -> str:
    plain = url.set(drivername=url.get_backend_name(), query={})
    return plain.render_as_string(hide_password=True)


def shown_location(location: object) -> str:
    """A path or URL for messages and manifests: never with a password."""
    return str(DatabaseUrl.parse(str(location))) if is_database_url(location) else str(location)


def anchored(location: str, folder: Path) -> str:
    """The URL with the file of an embedded database relative to ``folder`` instead of the working directory.

    Raises ``ConfigurationError`` for a database URL that cannot be read.
    """
    if not is_database_url(location):
        return location
    parsed = DatabaseUrl.parse(location)
    if parsed.file is None or parsed.file.is_absolute():
        return location
    url = make_url(location).set(database=str((folder / parsed.file).absolute()))
    return url.render_as_string(hide_password=False)
