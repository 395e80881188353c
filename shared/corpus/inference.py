"""Drafts of schemas, from the records themselves.

All that a draft takes from records is marked under ``learned``: it is a start for people who know
the data, not a declaration.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
from numpy.typing import NDArray

from shared.corpus.checks import Place
from shared.corpus.csv_reading import csv_batches
from shared.corpus.json_reading import json_columns
from shared.corpus.kinds import Reading, decimals, looks_like_code, looks_like_key, numeric_kind, pattern_of
from shared.corpus.parsing import parse_column
from shared.corpus.schema import Column, ForeignKey, Format, Kind, Learnable, Schema, Table
from shared.corpus.sniffing import sniff
from shared.corpus.store_paths import FilePath
from shared.corpus.streams import open_source, parquet_file
from shared.errors import DataError

MOST_CATEGORIES = 1000
_ALWAYS_MISSING = ("", "?")
_MISSING = ("NA", "N/A", "n/a", "#N/A", "NULL", "null", "None", "none", "NaN", "nan", "NaT", "-", "--", ".")


@dataclass(frozen=True, eq=False)
class _Raw:
    """The columns of one or more files of one shape, as they lie there."""

    files: tuple[FilePath, ...]
    format: Format
    columns: Mapping[str, pa.ChunkedArray]


def infer_schema(files: Sequence[FilePath], *, name: str | None = None) -> Schema:
    """A draft of the schema of CSV, Parquet or JSON Lines files.

    Files with the same columns are parts of one table; others are tables, named by their files. A
    foreign key is guessed where a column has the name of another table's primary key and holds
    none but its values. The unit of privacy is never guessed.

    Raises ``DataError`` for files that cannot be read or have no rows.
    """
    if not files:
        raise DataError("no file is given; name at least one CSV, Parquet or JSON Lines file")
    raws = _grouped([_read_raw(path) for path in files])
    names = _table_names(raws, name)
    words = {table: {column: _Words.of(raw, column) for column in raw.columns} for table, raw in names.items()}
    tables = [_table(table, raw, words) for table, raw in names.items()]
    tables = [_with_foreign_keys(table, tables, words) for table in tables]
    return Schema(name=name or tables[0].name, tables=tuple(tables))


def _read_raw(path: FilePath) -> _Raw:
    sniffed = sniff(path)
    if sniffed.format.kind == "csv":
        columns = tuple(Column(name=name, kind="categorical") for name in sniffed.names)
        batches = list(csv_batches(Table(name="draft", columns=columns), path, sniffed.format))
        table = pa.Table.from_batches(batches) if batches else None
    elif sniffed.format.kind == "jsonl":
        table = json_columns(path)
    else:
        try:
            with open_source(path) as stream:
                table = parquet_file(path, stream).read(use_threads=False)
        except (pa.ArrowInvalid, OSError) as error:
            reason = " ".join(str(error).split())
            raise DataError(f"{path}: this is no readable Parquet file: {reason}; copy it again") from error
    if table is None or not table.num_rows:
        raise DataError(f"{path}: the file has no rows; give a file with at least one record")
    return _Raw((path,), sniffed.format, dict(zip(table.column_names, table.columns, strict=True)))


def _grouped(raws: Sequence[_Raw]) -> list[_Raw]:
    """Files with equal columns and formats, put one after another."""
    groups: dict[tuple[object, ...], list[_Raw]] = {}
    for raw in raws:
        types = [str(column.type) for column in raw.columns.values()]
        groups.setdefault((tuple(raw.columns), tuple(types), raw.format), []).append(raw)
    return [
        _Raw(
            tuple(file for raw in group for file in raw.files),
            group[0].format,
            {
                name: pa.chunked_array([chunk for raw in group for chunk in raw.columns[name].chunks], column.type)
                for name, column in group[0].columns.items()
            },
        )
        for group in groups.values()
    ]


def _table_names(raws: Sequence[_Raw], name: str | None) -> dict[str, _Raw]:
    named: dict[str, _Raw] = {}
    for raw in raws:
        stems = [_stem(file) for file in raw.files]
        common = _common_start(stems)
        table = name if name and len(raws) == 1 else (common or stems[0]).lstrip(".") or "table"
        if table in named:
            raise DataError(
                f"{raw.files[0]}: another file of other columns is named {table!r} too; rename one, "
                "since a table is named by its file"
            )
        named[table] = raw
    return named


def _common_start(stems: Sequence[str]) -> str:
    """What all names begin with, without the number of a part."""
    if len(stems) == 1:
        return stems[0]
    equal = [len(set(letters)) == 1 for letters in zip(*stems, strict=False)]
    return re.sub(r"[0-9\-_. ]+$", "", stems[0][: equal.index(False) if False in equal else len(equal)])


def _stem(path: FilePath) -> str:
    stem = path.name
    for ending in (".gz", ".zst", ".csv", ".tsv", ".txt", ".data", ".parquet", ".jsonl", ".ndjson"):
        stem = stem.removesuffix(ending)
    return stem or path.name


@dataclass(frozen=True, eq=False)
class _Words:
    """The distinct spellings of a column, blanks taken away if the file pads them, and how often each occurs.

    ``stored`` is the kind that the file's own type says, ``None`` for text.
    """

    words: pa.Array
    counts: NDArray[np.int64]
    empty: int
    stored: Kind | None
    typed: bool

    @classmethod
    def of(cls, raw: _Raw, name: str) -> _Words:
        column = raw.columns[name]
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        stored = _stored_kind(column.type)
        if pa.types.is_floating(column.type):
            column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
        text = column.cast(pa.string())
        if raw.format.strip:
            text = pc.utf8_trim(text, " \t")
        pairs = text.drop_null().value_counts()
        return cls(
            pairs.field("values"),
            pairs.field("counts").to_numpy(zero_copy_only=False),
            text.null_count,
            stored,
            raw.format.kind != "csv",
        )

    def without(self, spellings: Sequence[str]) -> _Words:
        mask = pc.is_in(self.words, value_set=pa.array(spellings, pa.string()))
        taken = mask.to_numpy(zero_copy_only=False)
        empty = self.empty + int(self.counts[taken].sum())
        return _Words(self.words.filter(pc.invert(mask)), self.counts[~taken], empty, self.stored, self.typed)

    def count(self, spelling: str) -> int:
        return int(self.counts[pc.equal(self.words, spelling).to_numpy(zero_copy_only=False)].sum())

    def overlap(self, others: _Words) -> float:
        """The share of the distinct values that are among the others; 0 without any."""
        shared = pc.sum(pc.is_in(self.words, value_set=others.words)).as_py() or 0
        return float(shared) / max(len(self.words), 1)

    @property
    def rows(self) -> int:
        return int(self.counts.sum())


def _stored_kind(stored: pa.DataType) -> Kind | None:
    if pa.types.is_integer(stored):
        return "integer"
    if pa.types.is_floating(stored) or pa.types.is_decimal(stored):
        return "real"
    if pa.types.is_boolean(stored):
        return "boolean"
    if pa.types.is_timestamp(stored):
        return "datetime"
    return "date" if pa.types.is_date(stored) else None


def _table(name: str, raw: _Raw, all_words: Mapping[str, Mapping[str, _Words]]) -> Table:
    words = all_words[name]
    counts = {spelling: sum(column.count(spelling) for column in words.values()) for spelling in _ALWAYS_MISSING}
    found = sorted((spelling for spelling, count in counts.items() if count), key=lambda s: -counts[s])
    missing = tuple(found) or ("",)
    columns = tuple(_column(column, part, missing) for column, part in words.items())
    key = _primary_key(name, columns, missing, all_words)
    table = Table(name=name, columns=columns, primary_key=key, missing=missing, format=raw.format)
    return dataclasses.replace(table, columns=tuple(_with_bounds(table, column, raw) for column in columns))


def _primary_key(
    name: str, columns: Sequence[Column], missing: Sequence[str], words: Mapping[str, Mapping[str, _Words]]
) -> str | None:
    """Of the identifiers that differ in every row the one that other tables refer to most, or the first."""
    best: tuple[float, str | None] = (-1.0, None)
    for column in columns:
        own = words[name][column.name]
        if column.kind != "identifier" or column.nullable or len(own.words) != own.rows:
            continue
        others = [parts[column.name] for table, parts in words.items() if table != name and column.name in parts]
        # A column that is different in every row there too is that table's own numbering.
        referring = sum(other.without(missing).overlap(own) for other in others if len(other.words) < other.rows)
        if referring > best[0]:
            best = (referring, column.name)
    return best[1]


def _column(name: str, all_words: _Words, missing: tuple[str, ...]) -> Column:
    """Everything but bounds: kind, spellings of missing values, categories, pattern, step."""
    words = all_words.without(missing)
    reading, others = _reading(words)
    words = words.without(others)
    spellings = tuple(sorted((*missing, *others), key=lambda spelling: -all_words.count(spelling)))
    learned: list[Learnable] = [] if words.stored is not None and reading.kind == words.stored else ["kind"]
    column = Column(
        name=name,
        kind=reading.kind,
        nullable=words.empty > 0 or not words.rows,
        missing=None if spellings == missing else spellings,
    )
    column, more = _with_kind(column, reading, words)
    if not column.nullable:
        more = [*more, "nullable"]
    return dataclasses.replace(column, learned=(*learned, *more))


def _reading(words: _Words) -> tuple[Reading, tuple[str, ...]]:
    """The kind of a column, and the spellings that had to mean "missing" for it."""
    if words.stored is not None:
        return Reading(words.stored), ()
    reading = numeric_kind(words.words)
    if reading is not None and (not words.typed or reading.kind in ("date", "datetime")):
        return reading, ()
    others = tuple(spelling for spelling in _MISSING if words.count(spelling))
    if others and not words.typed:
        rest = numeric_kind(words.without(others).words)
        if rest is not None:
            return rest, others
    return Reading("categorical"), ()


def _with_kind(column: Column, reading: Reading, words: _Words) -> tuple[Column, list[Learnable]]:
    """What a column of that kind has besides."""
    distinct = len(words.words)
    if reading.kind in ("integer", "categorical"):
        longest = int(pc.max(pc.utf8_length(words.words)).as_py() or 0)
        number = reading.kind == "integer"
        stored: Literal["integer", "text"] = "integer" if number and words.typed else "text"
        kind: list[Learnable] = [] if words.stored is None else ["kind"]
        if looks_like_key(column.name, distinct, words.rows, longest, number=number):
            pattern = pattern_of(words.words.to_pylist())
            found = dataclasses.replace(column, kind="identifier", pattern=pattern, stored=stored)
            return found, kind if pattern is None else [*kind, "pattern"]
        if number and looks_like_code(column.name, distinct):
            categories = tuple(sorted(words.words.to_pylist(), key=int))
            found = dataclasses.replace(column, kind="categorical", categories=categories, stored=stored)
            return found, [*kind, "categories"]
        if not number and 0 < distinct <= MOST_CATEGORIES:
            return dataclasses.replace(column, categories=tuple(sorted(words.words.to_pylist()))), ["categories"]
    if reading.kind == "real" and distinct:
        step = decimals(words.words)
        return dataclasses.replace(column, step=step), [] if step is None else ["step"]
    if reading.datetime_format is not None:
        return dataclasses.replace(column, datetime_format=reading.datetime_format), ["datetime_format"]
    return column, []


def _with_bounds(table: Table, column: Column, raw: _Raw) -> Column:
    """Lowest and highest value of a numeric column."""
    if column.kind not in ("integer", "real", "date", "datetime"):
        return column
    place = Place(raw.files[0])
    values = raw.columns[column.name].unique()
    parsed = parse_column(values, table, dataclasses.replace(column, nullable=True), place, strip=raw.format.strip)
    low, high = parsed.min(), parsed.max()
    if pd.isna(low):
        return column
    ends = [_bound(end, column) for end in (low, high)]
    learned: tuple[Learnable, ...] = (*column.learned, "low", "high")
    return dataclasses.replace(column, low=ends[0], high=ends[1], learned=learned)


def _bound(value: Any, column: Column) -> float | str:
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat() if column.kind == "date" else value.isoformat()
    return float(value)


def _with_foreign_keys(table: Table, tables: Sequence[Table], words: Mapping[str, Mapping[str, _Words]]) -> Table:
    """Columns named like another table's primary key, if that holds all their values, refer to it."""
    keys: list[ForeignKey] = []
    columns = []
    for column in table.columns:
        target = next((t for t in tables if t is not table and t.primary_key == column.name), None)
        if target is not None and column.name != table.primary_key:
            own = words[table.name][column.name].without(table.missing_of(column))
            if own.overlap(words[target.name][column.name]) == 1.0:
                keys.append(ForeignKey(column=column.name, table=target.name))
                referred = target.column(column.name)
                column = dataclasses.replace(
                    referred, nullable=column.nullable, missing=column.missing, learned=_learned_key(column, referred)
                )
        columns.append(column)
    return dataclasses.replace(table, columns=tuple(columns), foreign_keys=tuple(keys))


def _learned_key(column: Column, referred: Column) -> tuple[Learnable, ...]:
    nullable: tuple[Learnable, ...] = () if column.nullable else ("nullable",)
    return (*(part for part in referred.learned if part != "nullable"), *nullable)
