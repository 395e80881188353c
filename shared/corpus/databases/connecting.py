"""Connections to databases, and the one line that a user reads when one fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from shared.corpus.databases.urls import DatabaseUrl
from shared.errors import ConfigurationError, DataError, InputError

_EXTRAS = {"psycopg": "postgresql", "psycopg2": "postgresql", "duckdb": "duckdb"}
_TIMEOUT_SECONDS = 30


def engine_of(url: DatabaseUrl) -> Engine:
    """An engine without a pool, whose messages hold no values of statements.

    Raises ``ConfigurationError`` for a dialect that is not known or whose driver is not installed.
    """
    options: dict[str, Any] = {}
    if url.url.drivername == "postgresql+psycopg" and "connect_timeout" not in url.url.query:
        options["connect_args"] = {"connect_timeout": _TIMEOUT_SECONDS}
    try:
        engine = create_engine(url.url, poolclass=NullPool, hide_parameters=True, **options)
    except NoSuchModuleError as error:
        raise ConfigurationError(
            f"{url}: the database {url.dialect!r} is not known; use sqlite, postgresql or duckdb, "
            "or install the SQLAlchemy dialect of this one"
        ) from error
    except ImportError as error:
        raise missing_driver(url, error) from error
    except (ArgumentError, TypeError, ValueError) as error:
        raise ConfigurationError(f"{url}: the options of this URL are not understood; check them") from error
    if url.dialect == "sqlite":
        _begin_outright(engine)
    return engine


def missing_driver(url: DatabaseUrl, error: ImportError) -> ConfigurationError:
    """Names the extra that brings the driver of a database."""
    package = error.name or "its driver"
    extra = _EXTRAS.get(package)
    remedy = f"pip install 'simulacra[{extra}]'" if extra else f"install the package that brings {package!r}"
    return ConfigurationError(f"{url}: the driver of this database is not installed: {remedy}")


def _begin_outright(engine: Engine) -> None:
    """Python's driver begins a transaction at the first write only: reads would see several states."""

    @event.listens_for(engine, "connect")
    def connected(connection: Any, record: Any) -> None:
        del record
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")


@contextmanager
def reader(url: DatabaseUrl) -> Iterator[Connection]:
    """A connection that reads one state of the database, whatever others write meanwhile.

    Raises ``DataError`` for a database that is not there, cannot be reached, or refuses.
    """
    if url.file is not None and not url.file.is_file():
        raise DataError(f"{url}: there is no such database file; check the path")
    engine = engine_of(url)
    with speaking(url, DataError, "cannot be read"), engine.connect() as connection:
        if url.dialect == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            # Else times depend on the server's zone, and the order of large tables on who else reads them.
            connection.execute(text("SET TIME ZONE 'UTC'"))
            connection.execute(text("SET synchronize_seqscans = off"))
        elif url.dialect == "sqlite":
            connection.execute(text("PRAGMA query_only = ON"))
        yield connection


@contextmanager
def speaking(url: DatabaseUrl, kind: type[InputError], what: str) -> Iterator[None]:
    """Turns errors of SQLAlchemy and its drivers into one line without password, statement and values."""
    try:
        yield
    except DBAPIError as error:
        broken = error.connection_invalidated or _says_broken(error)
        remedy = "check that the server runs, and start again" if broken else _remedy(error)
        cause = "the connection broke" if broken else reason(error)
        raise kind(f"{url}: {what}: {cause}; {remedy}") from error
    except SQLAlchemyError as error:
        raise kind(f"{url}: {what}: {' '.join(str(error).split())}") from error
    except UnicodeError as error:
        # A host name that cannot be encoded, such as one that is too long.
        raise kind(f"{url}: {what}: the host name is not valid; check the URL") from error


def reason(error: DBAPIError) -> str:
    """The first line of what the driver said; further lines show the statement or hint at other things."""
    lines = str(error.orig).strip().splitlines()
    return lines[0].strip() if lines else type(error.orig).__name__


def _says_broken(error: DBAPIError) -> bool:
    state = getattr(error.orig, "sqlstate", None)
    if isinstance(state, str):
        return state.startswith(("08", "57P0"))
    words = str(error.orig).lower()
    return any(word in words for word in ("closed the connection", "connection is lost", "connection is closed"))


def _remedy(error: DBAPIError) -> str:
    words = str(error.orig).lower()
    if "password" in words or "authentication" in words:
        return "check user and password"
    if "permission denied" in words or "readonly" in words or "read-only" in words:
        return "ask for the right, or use another user"
    if "resolve" in words or "could not connect" in words or "connection failed" in words or "refused" in words:
        return "check host, port and database"
    if "locked" in words:
        return "wait until the other program is done"
    return "check the URL and the database"
