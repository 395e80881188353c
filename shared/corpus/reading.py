"""Records from files: CSV, Parquet and JSON Lines, plain or compressed, checked while they are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from shared.corpus.checks import KeyHashes, Place, check_columns, check_key, check_rows
from shared.corpus.corpus import Corpus
from shared.corpus.csv_reading import csv_batches
from shared.corpus.json_reading import json_batches
from shared.corpus.locating import find_files, format_of
from shared.corpus.parsing import parse_column
from shared.corpus.schema import Schema, Table
from shared.corpus.store_paths import FilePath
from shared.corpus.streams import open_source, parquet_file
from shared.errors import DataError

_ROWS = 100_000


def read_corpus(schema: Schema, source: str | FilePath) -> Corpus:
    """The corpus of a schema from a file, a glob, or a folder (see :func:`locating.find_files`).

    Raises ``DataError`` for whatever the schema does not allow. Foreign keys that point nowhere are
    no error: see :func:`checks.dangling_keys`.
    """
    files = find_files(schema, source)
    return Corpus(schema, {table.name: read_table(table, files[table.name]) for table in schema.tables})


def read_table(table: Table, files: Sequence[FilePath]) -> pd.DataFrame:
    """All rows of a table, in the order of its files, with the dtypes of ``corpus.DTYPES``."""
    frames: list[pd.DataFrame] = []
    parts: list[tuple[FilePath, int]] = []
    for path in files:
        chunks = list(_file_chunks(table, path, _ROWS))
        frames += chunks
        parts.append((path, sum(map(len, chunks))))
    check_rows(sum(rows for _, rows in parts), table, files)
    frame = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]
    check_key(frame, table, parts)
    return frame


def iterate_table(table: Table, files: Sequence[FilePath], *, rows: int = _ROWS) -> Iterator[pd.DataFrame]:
    """The rows of a table in chunks of at most ``rows``, with the dtypes of ``corpus.DTYPES``.

    Memory does not grow with the files, but for eight bytes a row that check the primary key.
    """
    keys = KeyHashes(table)
    parts: list[tuple[FilePath, int]] = []
    for path in files:
        count = 0
        for chunk in _file_chunks(table, path, rows):
            keys.add(chunk)
            count += len(chunk)
            yield chunk
        parts.append((path, count))
    check_rows(sum(count for _, count in parts), table, files)
    keys.check(parts, lambda: (chunk for path in files for chunk in _file_chunks(table, path, rows)))


def _file_chunks(table: Table, path: FilePath, rows: int) -> Iterator[pd.DataFrame]:
    format = format_of(table.format, path)
    batches = {
        "csv": lambda: _resized(csv_batches(table, path, format), rows),
        "jsonl": lambda: json_batches(table, path, rows=rows),
        "parquet": lambda: _resized(_parquet_batches(table, path, rows), rows),
    }[format.kind]()
    place = Place(path)
    for batch in batches:
        columns = {
            column.name: parse_column(batch.column(column.name), table, column, place, strip=format.strip)
            for column in table.columns
        }
        yield pd.DataFrame(columns, copy=False)
        place = place.after(batch.num_rows)


def _resized(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of ``rows``, the last one shorter."""
    waiting: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        start = 0
        while count + batch.num_rows - start >= rows:
            end = start + rows - count
            yield pa.concat_batches([*waiting, batch.slice(start, end - start)])
            waiting, count, start = [], 0, end
        if start < batch.num_rows:
            waiting.append(batch.slice(start))
            count += batch.num_rows - start
    if waiting:
        yield pa.concat_batches(waiting)


def _parquet_batches(table: Table, path: FilePath, rows: int) -> Iterator[pa.RecordBatch]:
    try:
        with open_source(path) as stream, parquet_file(path, stream) as file:
            check_columns(table, path, file.schema_arrow.names)
            for batch in file.iter_batches(batch_size=rows, columns=list(table.names), use_threads=False):
                yield batch.select(list(table.names))
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(
            f"{path}: this is no readable Parquet file: {' '.join(str(error).split())}; check or copy it again"
        ) from error
