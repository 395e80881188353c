"""Records to files, in the format that each table of the schema declares, as a stream of chunks."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from types import TracebackType
from typing import Self

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from shared.corpus.corpus import Corpus
from shared.corpus.folders import writing
from shared.corpus.schema import Schema, Table
from shared.corpus.schema_file import write_schema
from shared.corpus.spelling import arrow_type, json_line, to_arrow, to_json, to_text
from shared.corpus.store_paths import FilePath
from shared.corpus.streams import file_ending, open_target
from shared.errors import DataError

SCHEMA_FILE = "schema.yaml"
_ROWS = 50_000

Write = Callable[[list[pa.Array]], None]


def write_corpus(corpus: Corpus, folder: FilePath) -> None:
    """Write all tables of a corpus, and its schema beside them, into an existing folder."""
    with CorpusWriter(corpus.schema, folder) as writer:
        for table in corpus.schema.tables:
            writer.write(table.name, corpus.tables[table.name])


def arrow_chunks(table: Table, frame: pd.DataFrame) -> Iterator[list[pa.Array]]:
    """The rows of a frame in pieces, an Arrow array a column (see :func:`spelling.to_arrow`).

    Raises ``DataError`` for columns other than those of the schema, in order.
    """
    if tuple(frame.columns) != table.names:
        raise DataError(
            f"table {table.name!r} cannot be written: its columns are {', '.join(map(str, frame.columns))}, "
            f"but the schema declares {', '.join(table.names)}"
        )
    for start in range(0, len(frame), _ROWS):
        part = frame.iloc[start : start + _ROWS]
        yield [to_arrow(part[column.name], table, column) for column in table.columns]


class CorpusWriter:
    """Writes chunks of tables into an existing folder: ``<table>.<ending>`` and ``schema.yaml``.

    Equal chunks give equal bytes. Memory does not grow with the number of chunks. A table of which
    nothing was written becomes a file without rows.

    Raises ``DataError`` for values that would not be read back as they are, ``OutputError`` for a
    full disk, missing rights or a file that exists.
    """

    def __init__(self, schema: Schema, folder: FilePath) -> None:
        self.schema = schema
        self.folder = folder
        self._sinks: dict[str, Write] = {}
        self._stack = ExitStack()

    def path(self, table: str) -> FilePath:
        """The file of a table."""
        return self.folder / (table + file_ending(self.schema.table(table).format))

    def write(self, table: str, frame: pd.DataFrame) -> None:
        """Append the rows of ``frame`` to a table; its columns are those of the schema, in order."""
        declared = self.schema.table(table)
        chunks = arrow_chunks(declared, frame)
        write = self._sink(declared)
        with writing(self.path(table)):
            for arrays in chunks:
                write(arrays)

    def close(self) -> None:
        """Finish all files and write the schema."""
        for table in self.schema.tables:
            self._sink(table)
        with writing(self.folder):
            self._stack.close()
        write_schema(self.schema, self.folder / SCHEMA_FILE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            # The first error is the one to report; what it left half-written is the folder's to remove.
            with suppress(OSError, ValueError):
                self._stack.close()

    def _sink(self, table: Table) -> Write:
        if table.name not in self._sinks:
            path = self.path(table.name)
            with writing(path):
                self._sinks[table.name] = self._stack.enter_context(_SINKS[table.format.kind](table, path))
        return self._sinks[table.name]


@contextmanager
def _csv_sink(table: Table, path: FilePath) -> Iterator[Write]:
    special = f'[{re.escape(table.format.delimiter)}"\r\n]'
    encoder = codecs.getincrementalencoder(table.format.encoding)()

    def quoted(words: pa.Array) -> pa.Array:
        # An empty line is no row: the only column of a table quotes its empty value.
        needs = pc.match_substring_regex(words, special if len(table.columns) > 1 else special + "|^$")
        if not pc.any(needs).as_py():
            return words
        inside = pc.replace_substring(words, '"', '""')
        return pc.if_else(needs, pc.binary_join_element_wise('"', inside, '"', ""), words)

    with open_target(path, table.format.compression) as stream:

        def put(columns: list[pa.Array]) -> None:
            lines = pc.binary_join_element_wise(*map(quoted, columns), table.format.delimiter).to_pylist()
            text = "\n".join([*lines, ""])
            try:
                stream.write(encoder.encode(text))
            except UnicodeEncodeError as error:
                raise DataError(
                    f"table {table.name!r}: {text[error.start]!r} cannot be written in {table.format.encoding}; "
                    "declare the encoding utf-8 under 'format' in the schema"
                ) from error

        def write(arrays: list[pa.Array]) -> None:
            put([to_text(array, table, column) for array, column in zip(arrays, table.columns, strict=True)])

        if table.format.header:
            put([pa.array([name], pa.string()) for name in table.names])
        yield write


@contextmanager
def _jsonl_sink(table: Table, path: FilePath) -> Iterator[Write]:
    with open_target(path, table.format.compression) as stream:

        def write(arrays: list[pa.Array]) -> None:
            columns = [to_json(array, column) for array, column in zip(arrays, table.columns, strict=True)]
            lines = [json_line(dict(zip(table.names, row, strict=True))) for row in zip(*columns, strict=True)]
            stream.write("\n".join([*lines, ""]).encode())

        yield write


@contextmanager
def _parquet_sink(table: Table, path: FilePath) -> Iterator[Write]:
    fields = pa.schema([(column.name, arrow_type(table, column)) for column in table.columns])
    compression = {"gz": "gzip", "zst": "zstd", None: "snappy"}[table.format.compression]
    with (
        open_target(path, None) as stream,
        pyarrow.parquet.ParquetWriter(stream, fields, compression=compression) as writer,
    ):
        # Small chunks are gathered, since a reader works by row groups.
        waiting: list[pa.RecordBatch] = []

        def flush() -> None:
            if waiting:
                writer.write_table(pa.Table.from_batches(waiting).combine_chunks())
                waiting.clear()

        def write(arrays: list[pa.Array]) -> None:
            waiting.append(pa.RecordBatch.from_arrays(arrays, schema=fields))
            if sum(batch.num_rows for batch in waiting) >= _ROWS:
                flush()

        yield write
        flush()


_SINKS: Mapping[str, Callable[[Table, FilePath], AbstractContextManager[Write]]] = {
    "csv": _csv_sink,
    "jsonl": _jsonl_sink,
    "parquet": _parquet_sink,
}
