"""A corpus wherever it lies: files or databases, behind one iterator of frames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd

from shared.corpus.checks import KeyHashes, Where, check_key
from shared.corpus.corpus import Corpus
from shared.corpus.databases.duckdb_reading import open_duckdb
from shared.corpus.databases.reading import open_database
from shared.corpus.databases.urls import DatabaseUrl, is_database_url
from shared.corpus.locating import find_files
from shared.corpus.reading import iterate_table, read_table
from shared.corpus.schema import Schema
from shared.corpus.store_paths import FilePath, StorePath

ROWS = 100_000


class CorpusSource(Protocol):
    """The tables of a schema at one place, open to be read."""

    @property
    def schema(self) -> Schema:
        """What the tables are checked against."""
        ...

    def chunks(self, name: str, *, rows: int) -> Iterator[pd.DataFrame]:
        """The rows of a table in chunks of at most ``rows``, with the dtypes of ``corpus.DTYPES``.

        Everything is checked but the primary key: see :func:`checked_chunks`. Tables may be read side by side,
        and again.
        """
        ...

    def place(self, name: str) -> Where:
        """Where a table is, for messages."""
        ...


@dataclass(frozen=True, eq=False)
class FileSource:
    """The tables of a schema in files."""

    schema: Schema
    files: Mapping[str, Sequence[FilePath]]

    def chunks(self, name: str, *, rows: int) -> Iterator[pd.DataFrame]:
        return iterate_table(self.schema.table(name), self.files[name], rows=rows)

    def place(self, name: str) -> Where:
        return self.files[name][0]


def checked_chunks(source: CorpusSource, name: str, *, rows: int = ROWS) -> Iterator[pd.DataFrame]:
    """What ``source.chunks`` gives, the primary key checked too: by eight bytes of memory a row."""
    if isinstance(source, FileSource):
        yield from source.chunks(name, rows=rows)  # it knows the file and row of each
        return
    keys, count = KeyHashes(source.schema.table(name)), 0
    for chunk in source.chunks(name, rows=rows):
        keys.add(chunk)
        count += len(chunk)
        yield chunk
    keys.check([(source.place(name), count)], lambda: source.chunks(name, rows=rows))


@contextmanager
def open_source_corpus(schema: Schema, location: str | Path) -> Iterator[CorpusSource]:
    """The corpus of a schema at a path, a glob, a folder, or a URL of a database or a place in an object store.

    A database is read in one state, whatever others write meanwhile; the connection ends with the block. Objects of
    a store stream; one that is replaced meanwhile is an error.

    Raises ``DataError`` for a place that is not there or lacks a table, and while reading for
    whatever the schema does not allow; ``ConfigurationError`` for a URL that cannot be understood.
    """
    if is_database_url(location):
        url = DatabaseUrl.parse(str(location))
        opened = open_duckdb(schema, url) if url.dialect == "duckdb" else open_database(schema, url)
        with opened as source:
            yield source
    else:
        files = find_files(schema, location)
        yield FileSource(schema, {name: list(map(_seen, parts)) for name, parts in files.items()})


def _seen(path: FilePath) -> FilePath:
    return path.seen() if isinstance(path, StorePath) else path


def read_source(schema: Schema, location: str | Path) -> Corpus:
    """The whole corpus at a location (see :func:`open_source_corpus`), primary keys checked too.

    Foreign keys that point nowhere are no error: see :func:`checks.dangling_keys`.
    """
    with open_source_corpus(schema, location) as source:
        return Corpus(schema, {table.name: _whole(source, table.name) for table in schema.tables})


def _whole(source: CorpusSource, name: str) -> pd.DataFrame:
    table = source.schema.table(name)
    if isinstance(source, FileSource):
        return read_table(table, source.files[name])
    frames = list(source.chunks(name, rows=ROWS))
    frame = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]
    check_key(frame, table, [(source.place(name), len(frame))])
    return frame
