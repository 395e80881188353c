"""A corpus into a DuckDB file, whole or not at all."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import pandas as pd
import pyarrow as pa
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from shared.corpus.databases.duckdb_reading import connected, quoted, speaking, stored_tables
from shared.corpus.databases.types import parents_first, sql_tables
from shared.corpus.databases.urls import DatabaseUrl
from shared.corpus.databases.writing import existing_tables, new_file
from shared.corpus.schema import Schema
from shared.corpus.writing import arrow_chunks
from shared.errors import OutputError

_NOTHING = "nothing was written"


class DuckdbWriter:
    """Writes chunks of tables into a DuckDB file in one transaction (see ``DatabaseWriter``).

    DuckDB checks foreign keys row by row and cannot add one later, so the rows of all tables wait in
    temporary tables, which it keeps on disk when they grow, and go in with the parents first.
    """

    def __init__(self, schema: Schema, url: DatabaseUrl, *, replace: bool = False) -> None:
        self.schema = schema
        self.url = url
        self._replace = replace
        self._order = parents_first(schema)
        self._stack = ExitStack()
        self._connection: Any = None
        self._module: Any = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(new_file(self.url))
            self._module, self._connection = stack.enter_context(connected(self.url, read_only=False))
            with self._speaking("cannot be written"):
                self._connection.execute("BEGIN")
                self._make_tables()
            self._stack = stack.pop_all()
        return self

    def _speaking(self, what: str) -> Any:
        return speaking(self._module, self.url, OutputError, f"{what}; {_NOTHING}")

    def _make_tables(self) -> None:
        there = [
            table.name
            for table in self.schema.tables
            for space, name in [self.url.place(table)]
            if name in stored_tables(self._connection, space)
        ]
        if there and not self._replace:
            raise existing_tables(self.url, there)
        for table in reversed(self._order):
            if table.name in there:
                self._connection.execute(f"DROP TABLE {quoted(*self.url.place(table))}")
        made = sql_tables(self.schema, self.url)
        for table in self._order:
            self._connection.execute(_create(made[table.name]))
            stage = f"CREATE TEMP TABLE {_staged(table.name)} AS SELECT * FROM {quoted(*self.url.place(table))}"
            self._connection.execute(stage)

    def write(self, table: str, frame: pd.DataFrame) -> None:
        """Append the rows of ``frame`` to a table; its columns are those of the schema, in order."""
        declared = self.schema.table(table)
        with self._speaking(f"table {table!r} cannot be written"):
            for arrays in arrow_chunks(declared, frame):
                batch = pa.Table.from_arrays(arrays, names=list(declared.names))
                self._connection.register("batch_of_rows", batch)
                self._connection.execute(f"INSERT INTO {_staged(table)} SELECT * FROM batch_of_rows")
                self._connection.unregister("batch_of_rows")

    def close(self) -> None:
        """Put the rows in, parents first, and make everything visible at once."""
        for table in self._order:
            with self._speaking(f"table {table.name!r} cannot be written"):
                target, stage = quoted(*self.url.place(table)), _staged(table.name)
                self._connection.execute(f"INSERT INTO {target} SELECT * FROM {stage}")
                self._connection.execute(f"DROP TABLE {stage}")
        with self._speaking("cannot be written"):
            self._connection.execute("COMMIT")
        self._stack.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            with self._stack:
                self.close()
        else:
            self._stack.__exit__(kind, error, trace)


def _staged(name: str) -> str:
    return "temp." + quoted(f"staged {name}")


def _create(table: Any) -> str:
    """``CREATE TABLE`` in DuckDB's dialect, which for these types is PostgreSQL's."""
    dialect: Any = postgresql
    return str(CreateTable(table).compile(dialect=dialect.dialect()))
