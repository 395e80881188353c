"""What records must keep to, and the one line that a user reads when they do not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shared.corpus.corpus import Corpus
from shared.corpus.keys import KeyTally
from shared.corpus.schema import Column, Format, Table
from shared.corpus.store_paths import FilePath
from shared.corpus.values import bounds, to_numbers
from shared.errors import DataError

DELIMITERS = (",", ";", "\t", "|", ":", " ")
_SHOWN = 8

# A file, or in words where a table is; messages begin with it.
Where = FilePath | str


@dataclass(frozen=True)
class Place:
    """Where a chunk of rows comes from: a file or table, and the number of its first row there (data rows, from 1)."""

    file: Where
    first_row: int = 1

    def error(self, position: int, column: str, what: str) -> DataError:
        """``what`` is wrong in the row at ``position`` of the chunk."""
        return DataError(f"{self.file}: row {self.first_row + position}, column {column!r}: {what}")

    def after(self, rows: int) -> Place:
        """The place of the next chunk of the same file."""
        return dataclasses.replace(self, first_row=self.first_row + rows)


def shown(value: object) -> str:
    """A value for a message: quoted, on one line, cut short."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def listed(values: Sequence[str]) -> str:
    """The first few of many values."""
    return ", ".join(values[:_SHOWN]) + (f", ... ({len(values)} in all)" if len(values) > _SHOWN else "")


def check_columns(table: Table, file: Where, found: Sequence[str], *, what: str = "file") -> None:
    """The columns of a file (or ``what`` else) are those of the schema, in any order."""
    twice = sorted({name for name in found if found.count(name) > 1})
    if twice:
        raise DataError(f"{file}: column {twice[0]!r} stands twice; give each column a name of its own")
    lacking = [name for name in table.names if name not in found]
    extra = [name for name in found if name not in table.names]
    problems = []
    if lacking:
        problems.append(f"lacks {_columns(lacking)} of the schema")
    if extra:
        problems.append(f"has {_columns(extra)} that the schema lacks")
    if problems:
        raise DataError(
            f"{file}: the {what} {' and '.join(problems)} (table {table.name!r}); "
            f"bring the {what} and the 'columns' of the schema into line"
        )


def _columns(names: Sequence[str]) -> str:
    return f"column{'s' if len(names) > 1 else ''} " + listed([repr(name) for name in names])


def check_delimiter(table: Table, file: FilePath, format: Format, line: str, found: Sequence[str]) -> None:
    """A first line that falls into one piece, though the schema has several columns, has another delimiter."""
    if len(found) != 1 or len(table.columns) == 1:
        return
    for delimiter in DELIMITERS:
        pieces = [piece.strip().strip('"') for piece in line.split(delimiter)]
        fits = set(pieces) == set(table.names) if format.header else len(pieces) == len(table.columns)
        if fits and delimiter != format.delimiter:
            raise DataError(
                f"{file}: with delimiter {format.delimiter!r} the first line is one column, but table {table.name!r} "
                f"has {len(table.columns)}; delimiter {delimiter!r} fits: set it under 'format' in the schema"
            )
    if format.delimiter not in line:
        raise DataError(
            f"{file}: delimiter {format.delimiter!r} does not occur in the first line, but table {table.name!r} has "
            f"{len(table.columns)} columns; set the right one under 'format' in the schema"
        )


def check_values(values: pd.Series, table: Table, column: Column, place: Place) -> None:
    """No missing value where none may be, and no number outside the declared bounds."""
    missing = values.isna().to_numpy()
    required = not column.nullable or column.name in (table.primary_key, table.unit)
    if required and missing.any():
        role = {table.unit: "the unit column", table.primary_key: "the primary key"}.get(column.name)
        reason = "is declared 'nullable: false'" if role is None else f"is {role}"
        raise place.error(
            int(missing.argmax()),
            column.name,
            f"the value is missing, but the column {reason}; fill it in, or change the schema",
        )
    if column.kind in ("integer", "real", "date", "datetime"):
        low, high = bounds(column)
        if low is not None or high is not None:
            numbers = to_numbers(values, column)
            _check_bound(numbers < (-np.inf if low is None else low), values, column, place, "below", "low")
            _check_bound(numbers > (np.inf if high is None else high), values, column, place, "above", "high")


def _check_bound(
    outside: NDArray[np.bool_], values: pd.Series, column: Column, place: Place, side: str, key: str
) -> None:
    if not outside.any():
        return
    position = int(outside.argmax())
    bound = getattr(column, key)
    if bound is None and column.edges is not None:
        key, bound = "edges", column.edges[0 if key == "low" else -1]
    value = values.iloc[position]
    written = value.isoformat() if isinstance(value, pd.Timestamp) else value
    raise place.error(
        position,
        column.name,
        f"{written} is {side} the declared {key} {bound:g}; correct the value, or widen {key!r} in the schema"
        if isinstance(bound, float | int)
        else f"{written} is {side} the declared {key} {bound}; correct the value, or widen {key!r} in the schema",
    )


def check_key(frame: pd.DataFrame, table: Table, parts: Sequence[tuple[Where, int]]) -> None:
    """No value of the primary key occurs twice. ``parts`` are files and their numbers of rows, in order."""
    if table.primary_key is None:
        return
    again = frame[table.primary_key].duplicated().to_numpy()
    if again.any():
        position = int(again.argmax())
        value = frame[table.primary_key].iloc[position]
        first = int((frame[table.primary_key] == value).to_numpy(dtype=bool).argmax())
        raise _twice(table, value, first, position, parts)


class KeyHashes:
    """Checks a primary key of chunks that come one after another, by eight bytes a row."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._hashes: list[NDArray[np.uint64]] = []

    def add(self, chunk: pd.DataFrame) -> None:
        """Rows that follow."""
        if self._table.primary_key is not None:
            keys = chunk[self._table.primary_key]
            self._hashes.append(pd.util.hash_pandas_object(keys, index=False, categorize=False).to_numpy())

    def check(self, parts: Sequence[tuple[Where, int]], again: Callable[[], Iterable[pd.DataFrame]]) -> None:
        """No key came twice; ``again`` gives all chunks anew, and is called only where two hashes are equal.

        ``parts`` are files and their numbers of rows, in order.
        """
        if self._table.primary_key is None or not self._hashes:
            return
        hashes = np.concatenate(self._hashes)
        ordered = np.sort(hashes)
        twice = ordered[1:][ordered[1:] == ordered[:-1]]
        if not len(twice):
            return
        doubtful = np.flatnonzero(np.isin(hashes, twice))
        values, start = [], 0
        for chunk in again():
            mine = doubtful[(doubtful >= start) & (doubtful < start + len(chunk))]
            values += chunk[self._table.primary_key].iloc[mine - start].tolist()
            start += len(chunk)
        known: dict[object, int] = {}
        for value, position in zip(values, doubtful.tolist(), strict=True):
            if value in known:
                raise _twice(self._table, value, known[value], position, parts)
            known[value] = position


def _twice(table: Table, value: object, first: int, position: int, parts: Sequence[tuple[Where, int]]) -> DataError:
    file, row = _origin(position, parts)
    first_file, first_row = _origin(first, parts)
    where = f"row {first_row}" + ("" if first_file == file else f" of {first_file}")
    return DataError(
        f"{file}: row {row}, column {table.primary_key!r}: {shown(value)} is already in {where}, but the primary "
        "key must be different in every row; remove one row, or name another 'primary_key'"
    )


def _origin(position: int, parts: Sequence[tuple[Where, int]]) -> tuple[Where, int]:
    for file, rows in parts:
        if position < rows:
            return file, position + 1
        position -= rows
    raise IndexError(position)


def check_rows(rows: int, table: Table, files: Sequence[Where], *, what: str = "file") -> None:
    """A table has at least one row."""
    if rows == 0:
        names = ", ".join(str(file) for file in files[:3]) + (", ..." if len(files) > 3 else "")
        raise DataError(f"{names}: table {table.name!r} has no rows; give a {what} with at least one record")


def dangling_keys(corpus: Corpus) -> dict[str, int]:
    """How many rows hold a foreign key value that the other table lacks, by ``table.column``.

    Only keys with at least one such row are listed; missing values point nowhere on purpose.
    """
    tally = KeyTally(corpus.schema)
    for table in corpus.schema.tables:
        tally.add(table.name, corpus.tables[table.name])
    return tally.dangling()
