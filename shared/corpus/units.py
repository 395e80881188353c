"""Rows of a table, by the unit of privacy they belong to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shared.corpus.schema import Table
from shared.errors import DataError
from shared.randomness import keyed_fractions


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
    def rows_per_unit(self) -> NDArray[np.int64]:
        """Shape ``(units,)``."""
        return np.diff(self.offsets)

    @property
    def unit_of_row(self) -> NDArray[np.int64]:
        """Index of the unit of each row, shape ``(rows,)``."""
        return np.repeat(np.arange(len(self.units), dtype=np.int64), self.rows_per_unit)

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
        if table.primary_key is not None:
            names = frame[table.primary_key].astype(str).to_numpy(dtype=object)
        else:
            text = [frame[name].astype("str").fillna("\x00") for name in frame.columns]
            names = text[0].str.cat(text[1:], sep="\x1f").to_numpy(dtype=object)
        return UnitFrame(table, frame.reset_index(drop=True), names, np.arange(len(frame) + 1, dtype=np.int64))
    units = frame[table.unit]
    if units.isna().any():
        row = int(np.flatnonzero(units.isna().to_numpy())[0]) + 1
        raise DataError(
            f"table {table.name!r}, row {row}: the unit column {table.unit!r} is empty; every row needs a unit"
        )
    keys = [table.unit] if table.order_by is None else [table.unit, table.order_by]
    order = _sort_order(frame, table, keys)
    ordered = frame.iloc[order].reset_index(drop=True)
    names = ordered[table.unit].astype(str).to_numpy(dtype=object)
    starts = np.flatnonzero(np.concatenate([[True], names[1:] != names[:-1]])) if len(names) else np.zeros(0, np.int64)
    offsets = np.concatenate([starts, [len(names)]]).astype(np.int64)
    return UnitFrame(table, ordered, names[starts], offsets)


def _sort_order(frame: pd.DataFrame, table: Table, keys: list[str]) -> NDArray[np.intp]:
    """Stable order by the key columns; identifiers that are numbers stand first and are compared as numbers.

    How two rows stand to each other depends on these two alone, so that no unit moves the rows of another.
    """
    columns = []
    for key in reversed(keys):
        values = frame[key]
        if table.column(key).kind in ("identifier", "categorical"):
            # As doubles whatever else the column holds; what they cannot tell apart is told by the text.
            numbers = pd.to_numeric(values, errors="coerce").astype("float64")
            ranks = pd.factorize(numbers, sort=True)[0]
            columns += [pd.factorize(values.astype("str"), sort=True)[0], np.where(ranks < 0, len(ranks), ranks)]
        else:
            columns.append(pd.factorize(values, sort=True, use_na_sentinel=True)[0])
    return np.lexsort(tuple(columns))
