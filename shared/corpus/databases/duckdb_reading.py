"""Tables of a DuckDB file as a stream of checked frames, through DuckDB's own Arrow batches."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pandas as pd

from shared.corpus.checks import Place, check_columns, check_rows
from shared.corpus.databases.arrays import as_iso, frame_of
from shared.corpus.databases.connecting import missing_driver
from shared.corpus.databases.reading import missing_table
from shared.corpus.databases.urls import DatabaseUrl
from shared.corpus.schema import Schema, Table
from shared.errors import ConfigurationError, DataError, InputError

# Nothing is downloaded on the way.
_OFFLINE = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}


def duckdb_of(url: DatabaseUrl) -> Any:
    """The module ``duckdb``; ``ConfigurationError`` names the extra if it is missing."""
    try:
        return importlib.import_module("duckdb")
    except ImportError as error:
        raise missing_driver(url, error) from error


def quoted(*names: str | None) -> str:
    """An identifier of SQL."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names if name is not None)


@contextmanager
def speaking(module: Any, url: DatabaseUrl, kind: type[InputError], what: str) -> Iterator[None]:
    """Turns DuckDB's errors into one line."""
    try:
        yield
    except module.Error as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        locked = "lock" in lines[0].lower() and "set" in lines[0].lower()
        remedy = "wait until the other program is done with it" if locked else "check the file"
        raise kind(f"{url}: {what}: {lines[0].strip()}; {remedy}") from error


@dataclass(frozen=True, eq=False)
class DuckdbSource:
    """The tables of a schema in a DuckDB file. Made by :func:`open_duckdb`."""

    schema: Schema
    url: DatabaseUrl
    connection: Any
    module: Any

    def place(self, name: str) -> str:
        """Where a table is, for messages."""
        return f"{self.url} table {name!r}"

    def chunks(self, name: str, *, rows: int) -> Iterator[pd.DataFrame]:
        """The rows of a table in chunks of at most ``rows``; the primary key is not checked."""
        declared = self.schema.table(name)
        where = self.place(name)
        place, total = Place(where), 0
        typed = self._checked(declared, where)
        # A cursor of its own, so that tables can be read side by side; nobody writes to an open file.
        failing = speaking(self.module, self.url, DataError, f"table {name!r} cannot be read")
        with failing, self.connection.cursor() as cursor:
            query = f"SELECT {', '.join(map(quoted, declared.names))} FROM {quoted(*self.url.place(declared))}"
            for batch in cursor.sql(query).to_arrow_reader(rows):
                yield frame_of(batch.columns, typed, place, padded=frozenset())
                place, total = place.after(batch.num_rows), total + batch.num_rows
        check_rows(total, declared, [where], what="table")

    def _checked(self, declared: Table, where: str) -> Table:
        """The table with the columns as they are stored."""
        space, stored = self.url.place(declared)
        tables = stored_tables(self.connection, space)
        if stored not in tables:
            raise missing_table(self.url, declared, sorted(tables))
        types = tables[stored]
        check_columns(declared, where, list(types), what="table")
        return typed_as(declared, types)


def typed_as(declared: Table, types: dict[str, str]) -> Table:
    """Dates and times of columns of such a type are ISO 8601."""
    timely = tuple(as_iso(c) if types[c.name].startswith(("DATE", "TIMESTAMP")) else c for c in declared.columns)
    return dataclasses.replace(declared, columns=timely)


def stored_tables(connection: Any, space: str | None) -> dict[str, dict[str, str]]:
    """Tables and views of a database schema: names and types of their columns, in order."""
    query = (
        "SELECT table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE NOT internal AND database_name = current_database() AND schema_name = coalesce(?, current_schema()) "
        "ORDER BY table_name, column_index"
    )
    tables: dict[str, dict[str, str]] = {}
    for name, column, kind in connection.execute(query, [space]).fetchall():
        tables.setdefault(name, {})[column] = kind
    return tables


@contextmanager
def open_duckdb(schema: Schema, url: DatabaseUrl) -> Iterator[DuckdbSource]:
    """The tables of a schema in a DuckDB file, opened to read; no other program can write to it meanwhile.

    Raises ``DataError`` for a file that is not there or is no DuckDB file, ``ConfigurationError`` without the package.
    """
    with connected(url, read_only=True) as (module, connection):
        yield DuckdbSource(schema, url, connection, module)


@contextmanager
def connected(url: DatabaseUrl, *, read_only: bool) -> Iterator[tuple[Any, Any]]:
    """The module and a connection to the file of a URL."""
    module = duckdb_of(url)
    if url.file is None:
        raise ConfigurationError(f"{url}: a DuckDB database is a file; write duckdb:///folder/file.duckdb")
    if read_only and not url.file.is_file():
        raise DataError(f"{url}: there is no such database file; check the path")
    with speaking(module, url, DataError, "cannot be opened"):
        connection = module.connect(str(url.file), read_only=read_only, config=_OFFLINE)
    try:
        yield module, connection
    finally:
        connection.close()
