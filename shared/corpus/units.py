"""Rows of a table, by the unit of privacy they belong to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shared.corpus.schema import Table
from shared.errors import DataError
from shared.randomness import keyed_fractions

CHUNK_ROWS = 1 << 16


class Grouped(Protocol):
    """Rows that stand unit by unit, whole units only.

    ``offsets`` has shape ``(units + 1,)``: rows ``offsets[i]:offsets[i + 1]`` of ``frame`` are those of unit ``i``.
    """

    @property
    def frame(self) -> pd.DataFrame: ...

    @property
    def offsets(self) -> NDArray[np.int64]: ...

    @property
    def rows_per_unit(self) -> NDArray[np.int64]: ...

    @property
    def unit_of_row(self) -> NDArray[np.int64]: ...

    def __len__(self) -> int:
        """Number of units."""
        ...


class Units(Protocol):
    """The records of a table by unit, wherever they lie: in memory (:class:`UnitFrame`) or on a scratch disk.

    What is learned from records goes through :meth:`chunks`, so that it never needs all of them at once
    and comes out the same wherever they lie.
    """

    @property
    def table(self) -> Table: ...

    @property
    def rows(self) -> int:
        """Number of rows."""
        ...

    @property
    def offsets(self) -> NDArray[np.int64]:
        """Shape ``(units + 1,)``: the rows of each unit, counted through all chunks."""
        ...

    @property
    def rows_per_unit(self) -> NDArray[np.int64]:
        """Shape ``(units,)``."""
        ...

    def __len__(self) -> int:
        """Number of units."""
        ...

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[Grouped]:
        """All units in order, in chunks of whole units with the named columns (``None``: all)."""
        ...

    def names(self) -> Iterator[NDArray[np.object_]]:
        """The names of the units in order, in pieces."""
        ...

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> UnitFrame:
        """The chosen units (a mask of shape ``(units,)`` or indices), in memory."""
        ...

    def as_table(self, table: Table) -> Self:
        """The same records under other declared knowledge of the same columns."""
        ...


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some of the units of a table, or some of their columns; see :class:`Grouped`."""

    frame: pd.DataFrame
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def rows_per_unit(self) -> NDArray[np.int64]:
        """Shape ``(units,)``."""
        return np.diff(self.offsets)

    @property
    def unit_of_row(self) -> NDArray[np.int64]:
        """Index of the unit of each row, shape ``(rows,)``."""
        return np.repeat(np.arange(len(self), dtype=np.int64), self.rows_per_unit)


@dataclass(frozen=True, eq=False)
class UnitFrame:
    """A frame whose rows stand unit by unit, in order inside each unit.

    ``offsets`` has shape ``(units + 1,)``: rows ``offsets[i]:offsets[i + 1]`` are those of unit
    ``i``, whose name is ``units[i]``.
    """

    table: Table
    frame: pd.DataFrame
    units: NDArray[np.object_]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.units)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.frame)

    @property
    def rows_per_unit(self) -> NDArray[np.int64]:
        """Shape ``(units,)``."""
        return np.diff(self.offsets)

    @property
    def unit_of_row(self) -> NDArray[np.int64]:
        """Index of the unit of each row, shape ``(rows,)``."""
        return np.repeat(np.arange(len(self.units), dtype=np.int64), self.rows_per_unit)

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[Chunk]:
        """All units in order, in chunks of about ``CHUNK_ROWS`` rows."""
        frame = self.frame if columns is None else self.frame[list(columns)]
        for first, last in cut(self.offsets, CHUNK_ROWS):
            start, end = self.offsets[first], self.offsets[last]
            yield Chunk(frame.iloc[start:end], self.offsets[first : last + 1] - start)

    def names(self) -> Iterator[NDArray[np.object_]]:
        """The names of the units, in one piece."""
        yield self.units

    def as_table(self, table: Table) -> UnitFrame:
        """The same records under other declared knowledge of the same columns."""
        return replace(self, table=table)

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> UnitFrame:
        """The chosen units (a mask of shape ``(units,)`` or indices) with all their rows."""
        indices = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else np.asarray(chosen)
        lengths = self.rows_per_unit[indices]
        starts = np.repeat(self.offsets[:-1][indices], lengths)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        rows = starts + np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
        return UnitFrame(self.table, self.frame.iloc[rows].reset_index(drop=True), self.units[indices], offsets)

    def split(self, key: bytes, fraction: float) -> tuple[UnitFrame, UnitFrame]:
        """Train and holdout; ``fraction`` of the units go to the holdout, by keyed hash of their name."""
        held = keyed_fractions(key, ("split\x1f" + str(unit) for unit in self.units)) < fraction
        return self.take(~held), self.take(held)

    def capped(self, key: bytes, rows: int) -> UnitFrame:
        """At most ``rows`` rows of each unit, chosen by keyed hash of unit and position, order kept."""
        lengths = self.rows_per_unit
        if lengths.size == 0 or lengths.max() <= rows:
            return self
        position = np.arange(self.offsets[-1]) - np.repeat(self.offsets[:-1], lengths)
        unit = self.unit_of_row
        luck = np.zeros(len(position))
        crowded = np.flatnonzero(np.repeat(lengths > rows, lengths))
        names = (f"cap\x1f{self.units[unit[row]]}\x1f{position[row]}" for row in crowded)
        luck[crowded] = keyed_fractions(key, names)
        order = np.lexsort((luck, unit))
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order)) - np.repeat(self.offsets[:-1], lengths)
        kept = rank < rows
        offsets = np.concatenate([[0], np.cumsum(np.minimum(lengths, rows))]).astype(np.int64)
        return UnitFrame(self.table, self.frame[kept].reset_index(drop=True), self.units, offsets)


def by_unit(table: Table, frame: pd.DataFrame) -> UnitFrame:
    """Sort a frame by unit and, inside a unit, by the declared order.

    Without a unit column every row is a unit, and its name is its primary key or, if there is
    none, its content: a name by position would let one record move all that follow it.
    """
    if table.unit is None:
        offsets = np.arange(len(frame) + 1, dtype=np.int64)
        return UnitFrame(table, frame.reset_index(drop=True), unit_names(table, frame), offsets)
    units = frame[table.unit]
    if units.isna().any():
        row = int(np.flatnonzero(units.isna().to_numpy())[0]) + 1
        raise DataError(
            f"table {table.name!r}, row {row}: the unit column {table.unit!r} is empty; every row needs a unit"
        )
    keys = [table.unit] if table.order_by is None else [table.unit, table.order_by]
    order = _sort_order(frame, table, keys)
    ordered = frame.iloc[order].reset_index(drop=True)
    names = unit_names(table, ordered)
    starts = np.flatnonzero(np.concatenate([[True], names[1:] != names[:-1]])) if len(names) else np.zeros(0, np.int64)
    offsets = np.concatenate([starts, [len(names)]]).astype(np.int64)
    return UnitFrame(table, ordered, names[starts], offsets)


def unit_names(table: Table, frame: pd.DataFrame) -> NDArray[np.object_]:
    """The name of the unit of each row, shape ``(rows,)``; see :func:`by_unit`."""
    key = table.unit or table.primary_key
    if key is not None:
        return frame[key].astype(str).to_numpy(dtype=object)
    text = [_spelled(frame[name]).fillna("\x00") for name in frame.columns]
    return text[0].str.cat(text[1:], sep="\x1f").to_numpy(dtype=object)


def _spelled(values: pd.Series) -> pd.Series:
    """Each value as text by itself; times would be written with or without hours as the whole column needs it."""
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return values.astype("int64").astype("str")
    return values.astype("str")


def first_rows(data: Grouped) -> NDArray[np.int64]:
    """Index of the first row of each unit that has one: the row that its own columns are read from."""
    return data.offsets[:-1][data.rows_per_unit > 0]


def cut(offsets: NDArray[np.int64], rows: int) -> Iterator[tuple[int, int]]:
    """Runs of whole units (first, last + 1) of at most ``rows`` rows, or of a single unit with more."""
    first, units = 0, len(offsets) - 1
    while first < units:
        last = int(np.searchsorted(offsets, offsets[first] + rows, side="right")) - 1
        last = min(max(last, first + 1), units)
        yield first, last
        first = last


def numeric_keys(values: pd.Series) -> NDArray[np.float64]:
    """Texts that are finite numbers as those numbers, all others as infinity: what identifiers are ordered by.

    Each text alone decides, so that no unit moves another, and no chunk of records differs from the whole.
    """
    codes, texts = pd.factorize(values.astype("str"))
    keys = np.array([*map(_number, texts), np.inf])
    return keys[codes]


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        return np.inf
    return number if np.isfinite(number) else np.inf


def _sort_order(frame: pd.DataFrame, table: Table, keys: list[str]) -> NDArray[np.intp]:
    """Stable order by the key columns; identifiers that are numbers stand first and are compared as numbers.

    How two rows stand to each other depends on these two alone, so that no unit moves the rows of another.
    """
    columns = []
    for key in reversed(keys):
        values = frame[key]
        if table.column(key).kind in ("identifier", "categorical"):
            # What doubles cannot tell apart is told by the text.
            columns += [pd.factorize(values.astype("str"), sort=True)[0], numeric_keys(values)]
        else:
            columns.append(pd.factorize(values, sort=True, use_na_sentinel=True)[0])
    return np.lexsort(tuple(columns))
