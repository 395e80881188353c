"""Exact counts of what units contribute, before any noise: private, and never returned to anyone.

Sensitivities, under add/remove of one unit with at most m rows:

===========================  ================================================
counts                       change of the vector of counts
===========================  ================================================
rows by cell of a column     L2 at most m (all rows in one cell)
units by cell of a column    L2 at most 1
units by number of rows      L2 at most 1
units by distinct values     L1 at most k, at most 1 in each value
===========================  ================================================
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shared.corpus.schema import Column
from shared.corpus.units import Grouped, Units, first_rows
from shared.corpus.values import to_numbers, to_text


def contributed(data: Grouped, column: Column) -> pd.Series:
    """The values of a column that count: of each row, or of each unit's first row for a column ``of_unit``."""
    values = data.frame[column.name]
    return values.iloc[first_rows(data)] if column.of_unit else values


def all_cell_counts(data: Units, column: Column, lows: NDArray[np.float64]) -> tuple[NDArray[np.int64], int]:
    """:func:`cell_counts` of all units, the sum of those of their chunks."""
    parts = [cell_counts(contributed(chunk, column), column, lows) for chunk in data.chunks([column.name])]
    return sum((counts for counts, _ in parts), np.zeros(len(lows), dtype=np.int64)), sum(m for _, m in parts)


def all_category_counts(data: Units, column: Column, categories: Sequence[str]) -> tuple[NDArray[np.int64], int, int]:
    """:func:`category_counts` of all units, the sum of those of their chunks."""
    parts = [category_counts(contributed(chunk, column), categories) for chunk in data.chunks([column.name])]
    counts = sum((part[0] for part in parts), np.zeros(len(categories), dtype=np.int64))
    return counts, sum(part[1] for part in parts), sum(part[2] for part in parts)


def all_unit_counts(data: Units, column: Column, most: int) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """:func:`unit_counts` of all units: a unit lies in one chunk whole, so the counts of chunks add up."""
    found = pd.Series(dtype="int64")
    for chunk in data.chunks([column.name]):
        values, counts = unit_counts(chunk, column, most)
        found = found.add(pd.Series(counts, index=pd.Index(values, dtype="str")), fill_value=0).astype("int64")
    return found.index.to_numpy(dtype=object), found.to_numpy()


def cell_counts(values: pd.Series, column: Column, lows: NDArray[np.float64]) -> tuple[NDArray[np.int64], int]:
    """Counts by cell, shape ``(cells,)``, and of missing values.

    A value belongs to the last cell that begins at or below it, a value that is an atom to the cell
    of the atom; values outside of the grid go to its ends.
    """
    numbers = to_numbers(values, column)
    present = numbers[~np.isnan(numbers)]
    rounding = 1e-13 * float(np.abs(lows).max())  # low + 3 * step is not always the double that the file holds
    first = np.searchsorted(lows, present - rounding, side="left")
    last = np.clip(np.searchsorted(lows, present + rounding, side="right") - 1, 0, len(lows) - 1)
    # Of two cells that begin at a value, the first is the atom's.
    cells = np.where(first < last, first, last)
    return np.bincount(cells, minlength=len(lows)), len(numbers) - len(present)


def category_counts(values: pd.Series, categories: Sequence[str]) -> tuple[NDArray[np.int64], int, int]:
    """Counts by category, shape ``(categories,)``, of values that are not listed, and of missing values."""
    text = to_text(values)
    missing = text.isna().to_numpy(dtype=bool)
    places = pd.Index(list(categories), dtype="str").get_indexer(pd.Index(text[~missing], dtype="str"))
    return np.bincount(places[places >= 0], minlength=len(categories)), int((places < 0).sum()), int(missing.sum())


def row_counts(data: Units, most: int) -> NDArray[np.int64]:
    """How many units have 0, 1, ..., ``most`` or more rows, shape ``(most + 1,)``."""
    return np.bincount(np.minimum(data.rows_per_unit, most), minlength=most + 1)


def unit_counts(data: Grouped, column: Column, most: int) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Observed values and how many units hold each (at least one); the first ``most`` distinct values of a unit count.

    Which values of a crowded unit count depends on its own rows alone, so that one unit cannot
    move the choice of another.
    """
    text = to_text(contributed(data, column))
    present = ~text.isna().to_numpy(dtype=bool)
    codes, found = pd.factorize(text[present])
    unit = (np.flatnonzero(data.rows_per_unit > 0) if column.of_unit else data.unit_of_row)[present]
    _, firsts = np.unique(unit * max(1, len(found)) + codes, return_index=True)
    firsts = np.sort(firsts)
    unit, codes = unit[firsts], codes[firsts]
    rank = np.arange(len(unit)) - np.searchsorted(unit, unit, side="left")
    counts = np.bincount(codes[rank < most], minlength=len(found))
    # What only surplus rows hold is not observed: with it, a unit could add more than ``most`` values.
    return found.to_numpy(dtype=object)[counts > 0], counts[counts > 0]
