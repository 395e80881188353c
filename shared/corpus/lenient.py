"""Records as text: what a collection holds before anyone knows whether its schema allows it.

The strict reader (:mod:`shared.corpus.reading`) refuses the first cell that breaks the schema. Cleaning must see all
of them, so here every cell is text, and a column is parsed on demand, with a mark on each cell that cannot be read.
Tables are held in memory. What is no table at all (other columns, rows of another length, bytes of another encoding)
stays an error.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
from numpy.typing import NDArray

from shared.corpus.checks import check_columns, check_rows
from shared.corpus.corpus import DTYPES, Corpus
from shared.corpus.csv_reading import csv_batches
from shared.corpus.json_reading import json_batches
from shared.corpus.locating import find_files, format_of
from shared.corpus.parsing import parse_words
from shared.corpus.schema import Column, Schema, Table
from shared.corpus.spelling import time_text
from shared.corpus.store_paths import FilePath
from shared.corpus.streams import open_source, parquet_file
from shared.errors import DataError

_BLANKS = " \t"


@dataclass(frozen=True, eq=False)
class TextCorpus:
    """Tables of text; a missing value is NaN. The index of a frame is the number of the row in its source, from 1."""

    schema: Schema
    tables: Mapping[str, pd.DataFrame]
    _parsed: dict[tuple[str, str], tuple[pd.Series, pd.Series]] = field(default_factory=dict, repr=False)

    def parsed(self, table: str, column: str) -> tuple[pd.Series, pd.Series]:
        """The typed values of a column, missing where they cannot be read, and the mask of what cannot be read."""
        key = (table, column)
        if key not in self._parsed:
            self._parsed[key] = readable(self.tables[table][column], self.schema.table(table).column(column))
        return self._parsed[key]

    def typed(self, table: str) -> pd.DataFrame:
        """A table with the dtypes of its kinds; what cannot be read is missing."""
        return pd.DataFrame({column.name: self.parsed(table, column.name)[0] for column in self._columns(table)})

    def with_table(self, name: str, frame: pd.DataFrame, changed: tuple[str, ...] | None = None) -> TextCorpus:
        """The corpus with another frame for one table; ``changed`` names the columns that differ (default: all)."""
        kept = {
            key: value
            for key, value in self._parsed.items()
            if key[0] != name or (changed is not None and key[1] not in changed)
        }
        return TextCorpus(self.schema, {**self.tables, name: frame}, kept)

    def corpus(self) -> Corpus:
        """The typed corpus; raises ``DataError`` for the first cell that cannot be read."""
        for table in self.schema.tables:
            for column in table.columns:
                bad = self.parsed(table.name, column.name)[1]
                if column.kind != "categorical" and bad.any():
                    row = bad.index[int(bad.to_numpy().argmax())]
                    value = self.tables[table.name].at[row, column.name]
                    raise DataError(
                        f"table {table.name!r}, row {row}, column {column.name!r}: {value!r} is no {column.kind}, and "
                        "nothing mends it; enable a step of the plan that does, or declare another kind in the schema"
                    )
        return Corpus(self.schema, {table.name: self._final(table) for table in self.schema.tables})

    def _final(self, table: Table) -> pd.DataFrame:
        frame = self.typed(table.name)
        for column in table.columns:
            bad = self.parsed(table.name, column.name)[1]
            # A category that is not declared can be written all the same.
            frame[column.name] = frame[column.name].where(~bad, self.tables[table.name][column.name])
        return frame.reset_index(drop=True)

    def _columns(self, table: str) -> tuple[Column, ...]:
        return self.schema.table(table).columns


def read_texts(schema: Schema, source: str | Path) -> TextCorpus:
    """All tables of a schema from a file, a glob or a folder (see :func:`locating.find_files`), as text."""
    files = find_files(schema, source)
    frames = {}
    for table in schema.tables:
        parts = [batch for path in files[table.name] for batch in _batches(table, path)]
        check_rows(sum(part.num_rows for part in parts), table, files[table.name])
        whole = pa.Table.from_batches(parts).combine_chunks()
        frame = pd.DataFrame({name: _text(whole.column(name), table, table.column(name)) for name in table.names})
        frame.index = pd.RangeIndex(1, len(frame) + 1)
        frames[table.name] = frame
    return TextCorpus(schema, frames)


def fingerprint(corpus: TextCorpus) -> str:
    """SHA-256 over the cells of all tables and what the schema calls them: tells one source from another."""
    digest = hashlib.sha256()
    for table in corpus.schema.tables:
        frame = corpus.tables[table.name]
        digest.update("\x1f".join((table.name, str(len(frame)), *map(str, frame.columns))).encode())
        for name in frame.columns:
            codes, words = pd.factorize(frame[name], use_na_sentinel=True)
            digest.update(codes.astype("<i8").tobytes())
            digest.update("\x1e".join(words.astype(str)).encode())
    return digest.hexdigest()


def readable(text: pd.Series, column: Column) -> tuple[pd.Series, pd.Series]:
    """Typed values of text, missing where it cannot be read, and the mask of those cells; both indexed as ``text``.

    Bounds are not looked at, declared categories are.
    """
    codes, words = pd.factorize(text, use_na_sentinel=True)
    distinct = pa.array(words.astype(str).tolist(), pa.string())
    parsed, bad = parse_words(distinct, column)
    lost = np.append(bad, False)[codes]
    index = np.where(lost, -1, codes)
    if isinstance(parsed, pa.Array):
        taken = parsed.take(pa.array(index, mask=index < 0)).cast(pa.large_string())
        values = pd.Series(pd.array(taken, dtype=DTYPES[column.kind]), index=text.index, name=column.name)
    else:
        taken = pd.api.extensions.take(parsed, index, allow_fill=True)
        values = pd.Series(taken, index=text.index, name=column.name, dtype=DTYPES[column.kind])
    return values, pd.Series(lost, index=text.index, name=column.name)


def _batches(table: Table, path: FilePath) -> list[pa.RecordBatch]:
    format = format_of(table.format, path)
    if format.kind == "csv":
        batches = list(csv_batches(table, path, format))
    elif format.kind == "jsonl":
        batches = list(json_batches(table, path))
    else:
        batches = _parquet(table, path)
    return [_as_text(batch, table, strip=format.strip) for batch in batches]


def _parquet(table: Table, path: FilePath) -> list[pa.RecordBatch]:
    try:
        with open_source(path) as stream, parquet_file(path, stream) as file:
            check_columns(table, path, file.schema_arrow.names)
            batches = file.iter_batches(columns=list(table.names), use_threads=False)
            return [batch.select(list(table.names)) for batch in batches]
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(
            f"{path}: this is no readable Parquet file: {' '.join(str(error).split())}; check or copy it again"
        ) from error


def _as_text(batch: pa.RecordBatch, table: Table, *, strip: bool) -> pa.RecordBatch:
    """The batch with text columns; what has a type is spelled as the parser of the column's kind reads it."""
    columns = []
    for column in table.columns:
        values = batch.column(column.name)
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        if pa.types.is_floating(values.type):
            values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
        if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
            values = _spelled_times(values, column)
        text = values.cast(pa.string())
        columns.append(pc.utf8_trim(text, _BLANKS) if strip else text)
    return pa.RecordBatch.from_arrays(columns, names=list(table.names))


def _spelled_times(values: pa.Array, column: Column) -> pa.Array:
    stamps = values.cast(pa.timestamp("us", getattr(values.type, "tz", None)), safe=False).cast(pa.timestamp("us"))
    late = pc.not_equal(stamps.cast(pa.date32(), safe=False).cast(pa.timestamp("us")), stamps)
    # A time of day in a column of dates must be seen, not cut off.
    kept = column.kind == "date" and not pc.any(late).as_py()
    spelled_as = column if kept or column.datetime_format is not None else dataclasses.replace(column, kind="datetime")
    return time_text(stamps, spelled_as)


def _text(values: pa.ChunkedArray, table: Table, column: Column) -> pd.Series:
    missing = pc.is_in(values, value_set=pa.array(table.missing_of(column), pa.string()))
    kept: NDArray[np.bool_] = ~missing.to_numpy().astype(bool)
    text = values.cast(pa.large_string()).combine_chunks()
    return pd.Series(pd.array(text, dtype="str"), name=column.name).where(kept)
