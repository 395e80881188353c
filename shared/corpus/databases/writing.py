"""A corpus into a database that SQLAlchemy speaks to, whole or not at all."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from types import TracebackType
from typing import Any, Self

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import sqlalchemy as sql
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.schema import AddConstraint

from shared.corpus.checks import listed
from shared.corpus.databases.connecting import engine_of, speaking
from shared.corpus.databases.types import sql_tables
from shared.corpus.databases.urls import DatabaseUrl
from shared.corpus.schema import Schema
from shared.corpus.writing import arrow_chunks
from shared.errors import ConfigurationError, OutputError

_TRANSACTIONAL = ("sqlite", "postgresql")
_NOTHING = "nothing was written"


class DatabaseWriter:
    """Writes chunks of tables into a database in one transaction; the interface is that of ``CorpusWriter``.

    Tables may be written in any order: foreign keys are checked at the end. When the block ends
    without an exception everything is there, else nothing is, and the same call can be repeated.

    Raises ``OutputError`` for a database that cannot be reached or refuses, a table that exists
    (unless ``replace``), keys that do not hold; ``DataError`` for values that would not be read back.
    """

    def __init__(self, schema: Schema, url: DatabaseUrl, *, replace: bool = False) -> None:
        if url.dialect not in _TRANSACTIONAL:
            raise ConfigurationError(
                f"{url}: a corpus is written whole or not at all, which is not known of {url.dialect}; "
                "write to postgresql, sqlite or duckdb"
            )
        self.schema = schema
        self.url = url
        self._replace = replace
        self._tables = sql_tables(schema, url)
        self._stack = ExitStack()
        self._connection: sql.Connection

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(new_file(self.url))
            engine = engine_of(self.url)
            with speaking(self.url, OutputError, f"cannot be written; {_NOTHING}"):
                self._connection = engine.connect()
                stack.callback(_abandon, self._connection)
                self._connection.begin()
                self._make_tables()
            self._stack = stack.pop_all()
        return self

    def _make_tables(self) -> None:
        inspector = sql.inspect(self._connection)
        there = [name for name, table in self._tables.items() if inspector.has_table(table.name, table.schema)]
        if there and not self._replace:
            raise existing_tables(self.url, there)
        metadata = next(iter(self._tables.values())).metadata
        if there:
            metadata.drop_all(self._connection)
        if self.url.dialect == "sqlite":
            metadata.create_all(self._connection)
            return
        # Keys come at the end, so that rows can come in any order.
        for table in self._tables.values():
            self._connection.execute(sql.schema.CreateTable(table, include_foreign_key_constraints=[]))
            for column in (part for part in table.columns if part.comment):
                self._connection.execute(sql.schema.SetColumnComment(column))
            if table.comment:
                self._connection.execute(sql.schema.SetTableComment(table))

    def write(self, table: str, frame: pd.DataFrame) -> None:
        """Append the rows of ``frame`` to a table; its columns are those of the schema, in order."""
        declared = self.schema.table(table)
        with speaking(self.url, OutputError, f"table {table!r} cannot be written; {_NOTHING}"):
            for arrays in arrow_chunks(declared, frame):
                batch = pa.RecordBatch.from_arrays(arrays, names=list(declared.names))
                if self.url.url.drivername == "postgresql+psycopg":
                    self._copy(table, batch)
                else:
                    self._connection.execute(self._tables[table].insert(), rows_of(batch, table))

    def _copy(self, table: str, batch: pa.RecordBatch) -> None:
        """PostgreSQL's own way in: several times faster than INSERT."""
        target = self._tables[table]
        preparer = self._connection.dialect.identifier_preparer
        names = ", ".join(preparer.quote(name) for name in batch.schema.names)
        text = io.BytesIO()
        # With all values quoted an empty text and a missing value stay apart.
        options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="all_valid")
        pyarrow.csv.write_csv(batch, text, options)
        driver: Any = self._connection.connection.driver_connection
        statement = f"COPY {preparer.format_table(target)} ({names}) FROM STDIN (FORMAT csv)"
        try:
            with driver.cursor() as cursor, cursor.copy(statement) as copy:
                copy.write(text.getbuffer())
        except self._connection.dialect.loaded_dbapi.Error as error:
            # What goes past SQLAlchemy is not wrapped by it.
            raise DBAPIError(statement, None, error) from error

    def close(self) -> None:
        """Check the foreign keys and make everything visible at once."""
        with speaking(self.url, OutputError, f"cannot be written; {_NOTHING}"):
            if self.url.dialect == "sqlite":
                self._check_keys()
            else:
                for table in self._tables.values():
                    for key in table.foreign_key_constraints:
                        self._connection.execute(AddConstraint(key))
        with speaking(self.url, OutputError, "the end was not confirmed; look whether the tables are there"):
            self._connection.commit()
        self._stack.close()

    def _check_keys(self) -> None:
        """SQLite checks on demand; one row of the answer is one that points nowhere."""
        broken = self._connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(1)
        if broken:
            raise dangling(self.url, broken[0][0], broken[0][2])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            with self._stack:  # also when the end is refused
                self.close()
        else:
            self._stack.__exit__(kind, error, trace)


def _abandon(connection: sql.Connection) -> None:
    """Rolls back what is not committed; a connection that broke can no longer be told so, nor need be."""
    with suppress(SQLAlchemyError):
        connection.close()


def existing_tables(url: DatabaseUrl, names: Sequence[str]) -> OutputError:
    """Tables that stand where a corpus is to go."""
    one = "table" if len(names) == 1 else "tables"
    return OutputError(
        f"{url}: {one} {listed([repr(name) for name in names])} exist{'s' if one == 'table' else ''} already; "
        "remove them, choose another database or schema, or ask to replace them"
    )


def dangling(url: DatabaseUrl, table: str, parent: str) -> OutputError:
    """A row that points nowhere."""
    return OutputError(
        f"{url}: a row of table {table!r} points to a key that table {parent!r} lacks; {_NOTHING}: "
        "correct the rows, or take the foreign key out of the schema"
    )


def rows_of(batch: pa.RecordBatch, table: str) -> list[dict[str, Any]]:
    """The rows of a batch as values of Python."""
    try:
        return batch.to_pylist()
    except (ValueError, OverflowError) as error:
        raise OutputError(
            f"table {table!r} cannot be written: a date lies outside the years 1 to 9999, which this database "
            "does not hold; correct it"
        ) from error


@contextmanager
def new_file(url: DatabaseUrl) -> Iterator[None]:
    """Removes the file of an embedded database again if it was made for nothing."""
    file = url.file
    if file is None or file.exists():
        yield
        return
    if not file.parent.is_dir():
        raise OutputError(f"{url}: there is no folder {file.parent}; make it first")
    try:
        yield
    except BaseException:
        for left in (file, *(file.with_name(file.name + end) for end in ("-journal", "-wal", "-shm", ".wal"))):
            left.unlink(missing_ok=True)
        raise
