"""Where the ledger is kept: two tables in SQLite, or in another database through its URL.

A file is opened for its owner alone (mode 0600), because it holds secret keys. Every write takes the
database's write lock first, so what it read before appending still holds when it appends.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import NullPool

from privacy.budget.chain import Record
from shared.errors import ConfigurationError, DataError, OutputError

_metadata = sa.MetaData()
_log = sa.Table(
    "ledger_log",
    _metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("time", sa.String(40), nullable=False),
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False, unique=True),
)
_keys = sa.Table(
    "ledger_keys",
    _metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("secret", sa.LargeBinary, nullable=False),
)


class Store:
    """Reads and appends; knows nothing of budgets. ``patience`` is how many seconds a lock is waited for."""

    def __init__(self, place: str | Path, *, patience: float) -> None:
        self.place = _without_password(str(place))
        self._patience = patience
        with self._readable():
            self._engine = self._connect(str(place))
            with self.writing() as connection:
                _metadata.create_all(connection)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the ledger."""
        with self._readable(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that holds the write lock from its start."""
        with self._readable(), self._engine.connect() as connection:
            connection = connection.execution_options(ledger_writes=True)
            with connection.begin():
                if self._engine.dialect.name == "postgresql":
                    connection.execute(sa.text("SELECT pg_advisory_xact_lock(7461636)"))
                yield connection

    def records(self, connection: Connection, *, after: int = 0) -> list[Record]:
        """Records with a higher number, in their order."""
        query = sa.select(_log).where(_log.c.number > after).order_by(_log.c.number)
        return [Record(**row) for row in connection.execute(query).mappings()]

    def append(self, connection: Connection, records: Sequence[Record]) -> None:
        """Write the next records."""
        for record in records:
            connection.execute(sa.insert(_log).values(vars(record)))

    def key(self, connection: Connection, source: str) -> bytes | None:
        """The secret key of a source."""
        found = connection.execute(sa.select(_keys.c.secret).where(_keys.c.source == source)).scalar()
        return None if found is None else bytes(found)

    def keep_key(self, connection: Connection, source: str, key: bytes) -> None:
        """Store the secret key of a source."""
        connection.execute(sa.insert(_keys).values(source=source, secret=key))

    def _connect(self, place: str) -> Engine:
        if "://" in place and not place.startswith("sqlite"):
            return sa.create_engine(place)
        path = place.partition("sqlite:///")[2] if "://" in place else place
        if path in ("", ":memory:"):
            raise ConfigurationError(
                f"ledger {place!r} would be forgotten with the run; name a file, such as ledger.sqlite"
            )
        _create_for_owner(Path(path))
        engine = sa.create_engine(
            sa.URL.create("sqlite", database=path), poolclass=NullPool, connect_args={"timeout": self._patience}
        )
        sa.event.listen(engine, "connect", _leave_transactions_to_us)
        sa.event.listen(engine, "begin", _begin)
        return engine

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.OperationalError as error:
            if "locked" in str(error.orig):
                raise OutputError(
                    f"ledger {self.place} has been locked by another process for {self._patience:g} s; try again later"
                ) from None
            raise OutputError(f"ledger {self.place} cannot be used: {_line(error)}; check its place") from None
        except (sa.exc.DatabaseError, sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ModuleNotFoundError) as error:
            raise DataError(
                f"{self.place} is not a ledger that can be read ({_line(error)}); name a ledger file or a database URL"
            ) from None


def _without_password(place: str) -> str:
    with suppress(sa.exc.ArgumentError):
        return sa.make_url(place).render_as_string(hide_password=True) if "://" in place else place
    return "the URL that was given"


def _line(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0]


def _create_for_owner(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise OutputError(f"ledger {path} cannot be written ({error.strerror}); choose another place") from None
    if path.stat().st_mode & 0o077:
        with suppress(PermissionError):
            path.chmod(0o600)
    if path.stat().st_mode & 0o077:
        raise OutputError(f"ledger {path} can be read by others and holds secret keys; set its mode to 0600")


def _leave_transactions_to_us(connection: Any, _: Any) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA synchronous = FULL")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("ledger_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
