"""Questions about records, as data: what is asked can be planned and paid for before it is answered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.corpus.schema import Column


@dataclass(frozen=True, eq=False)
class Cells:
    """Counts of a numeric column over disjoint ascending cells.

    ``lows`` and ``highs`` have shape ``(cells,)``; a cell with equal ends is a single value. Counts
    are rows (units for a column ``of_unit``); ``missing`` counts those without a value. Counts may
    be noisy; they are never negative.
    """

    lows: NDArray[np.float64]
    highs: NDArray[np.float64]
    counts: NDArray[np.float64]
    missing: float


@dataclass(frozen=True, eq=False)
class Categories:
    """Values of a column with their counts, most frequent first where they were found and not declared.

    ``other`` counts rows whose value is not listed, ``missing`` those without one.
    """

    values: tuple[str, ...]
    counts: NDArray[np.float64]
    other: float
    missing: float


@dataclass(frozen=True, eq=False)
class RowCounts:
    """``counts[k]``: how many units have ``k`` rows (the last: so many or more)."""

    counts: NDArray[np.float64]


Answer = Cells | Categories | RowCounts


@dataclass(frozen=True)
class NumberQuestion:
    """How are the numbers of a column distributed?

    With a grid: counts over it. Without: over the distinct values, which a private access refuses.
    """

    column: Column


@dataclass(frozen=True)
class CategoryQuestion:
    """Which categories does a column have, and how many rows has each?

    ``column.categories`` declares them; otherwise they are found among the records.
    """

    column: Column


@dataclass(frozen=True)
class RowCountQuestion:
    """How many rows does a unit have, up to ``most``?"""

    most: int


Question = NumberQuestion | CategoryQuestion | RowCountQuestion
