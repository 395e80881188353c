"""Tables of a database as a stream of checked frames, all from one state of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Executable, Inspector, column, inspect, select, table
from sqlalchemy.types import CHAR, NCHAR, Date, DateTime

from shared.corpus.checks import Place, check_columns, check_rows, listed
from shared.corpus.databases.arrays import array_of, as_iso, frame_of
from shared.corpus.databases.connecting import reader, speaking
from shared.corpus.databases.urls import DatabaseUrl
from shared.corpus.schema import SPELLED, Schema, Table
from shared.errors import DataError


@dataclass(frozen=True, eq=False)
class DatabaseSource:
    """The tables of a schema in a database that SQLAlchemy speaks to. Made by :func:`open_database`."""

    schema: Schema
    url: DatabaseUrl
    connection: Connection
    _inspector: Inspector = field(repr=False)

    def place(self, name: str) -> str:
        """Where a table is, for messages."""
        return f"{self.url} table {name!r}"

    def chunks(self, name: str, *, rows: int) -> Iterator[pd.DataFrame]:
        """The rows of a table in chunks of at most ``rows``, through a cursor on the server.

        Everything is checked but the primary key, which would need all rows at once.
        """
        declared = self.schema.table(name)
        where = self.place(name)
        found = self._columns(declared)
        check_columns(declared, where, list(found), what="table")
        typed = _as_stored(declared, found)
        padded = _padded(found) if self.url.dialect == "postgresql" else frozenset()
        space, stored = self.url.place(declared)
        # Columns without a type: the driver's own values come through, and SQLite's text is parsed as files are.
        query: Executable = select(*(column(part) for part in declared.names)).select_from(table(stored, schema=space))
        options = {"stream_results": True, "yield_per": rows}
        place, total = Place(where), 0
        with speaking(self.url, DataError, f"table {name!r} cannot be read"):
            result = self.connection.execute(query, execution_options=options)
            try:
                for part in result.partitions(rows):
                    yield _frame(part, typed, place, padded)
                    place, total = place.after(len(part)), total + len(part)
            finally:
                result.close()
        check_rows(total, declared, [where], what="table")

    def _columns(self, declared: Table) -> dict[str, Any]:
        """The stored columns of a table and their types."""
        space, stored = self.url.place(declared)
        with speaking(self.url, DataError, f"table {declared.name!r} cannot be read"):
            names = {*self._inspector.get_table_names(space), *self._inspector.get_view_names(space)}
            if self.url.dialect == "postgresql":
                names |= set(self._inspector.get_materialized_view_names(space))
            if stored not in names:
                raise missing_table(self.url, declared, sorted(names))
            return {part["name"]: part["type"] for part in self._inspector.get_columns(stored, space)}


def missing_table(url: DatabaseUrl, declared: Table, names: Sequence[str]) -> DataError:
    """A table of the schema that the database lacks."""
    there = f"there are {listed(names)}" if names else "there is none that this user can see"
    spaces = "" if url.dialect == "sqlite" else "; another database schema is named by ?schema=NAME in the URL"
    return DataError(f"{url}: no table {declared.name!r}; {there}{spaces}")


def _as_stored(declared: Table, found: dict[str, Any]) -> Table:
    columns = tuple(
        as_iso(part) if isinstance(found[part.name], Date | DateTime) else part for part in declared.columns
    )
    return dataclasses.replace(declared, columns=columns)


def _padded(found: dict[str, Any]) -> frozenset[str]:
    return frozenset(name for name, kind in found.items() if isinstance(kind, CHAR | NCHAR))


def _frame(part: Sequence[Any], declared: Table, place: Place, padded: frozenset[str]) -> pd.DataFrame:
    arrays = [
        array_of(values, spelled=column.kind in SPELLED)
        for column, values in zip(declared.columns, zip(*part, strict=True), strict=True)
    ]
    return frame_of(arrays, declared, place, padded=padded)


@contextmanager
def open_database(schema: Schema, url: DatabaseUrl) -> Iterator[DatabaseSource]:
    """The tables of a schema in a database; every table is read from the state at the first look.

    Raises ``DataError`` for a database that is not there, cannot be reached, or refuses.
    """
    with reader(url) as connection:
        with speaking(url, DataError, "cannot be read"):
            inspector = inspect(connection)
        yield DatabaseSource(schema, url, connection, inspector)
