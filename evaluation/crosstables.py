"""Contingency tables of all pairs of columns at once, additive over groups of units.

With the cells of all columns laid side by side as a one-hot matrix X, the tables of all pairs are the
blocks of XᵀX.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from evaluation.comparison import Comparison, Part
from evaluation.statistics import Interval, jackknife_variance
from shared.randomness import numpy_generator

Array = NDArray[np.float64]
GROUPS = 20
_CHUNK = 4_096


@dataclass(frozen=True, eq=False)
class CrossTables:
    """``groups`` of shape ``(groups, width, width)``: XᵀX of each group; ``starts`` (columns,): first cell of a column.

    Units were dealt into the groups at random, so leaving out one group at a time gives intervals by unit.
    """

    groups: NDArray[np.float32]
    starts: NDArray[np.int64]

    @property
    def total(self) -> Array:
        """XᵀX of all rows, shape ``(width, width)``."""
        return self.groups.sum(axis=0, dtype=np.float64)

    def blocks(self, matrix: Array) -> Array:
        """Sums over the blocks of a ``(width, width)`` matrix, shape ``(columns, columns)``."""
        by_row: Array = np.add.reduceat(matrix, self.starts, axis=0)
        return np.add.reduceat(by_row, self.starts, axis=1)


def cross_tables(data: Comparison, part: Part, *, seed: int) -> CrossTables:
    """The tables of one part over the cells of its columns."""
    cells = data.cells
    return _tables(cells.codes[part], cells.sizes, data.unit_of_row[part], len(data.part(part)), seed)


def _tables(
    codes: NDArray[np.int16], sizes: NDArray[np.int64], unit: NDArray[np.int64], units: int, seed: int
) -> CrossTables:
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    width = int(sizes.sum())
    # Very wide tables take fewer groups: memory is groups × width².
    count = GROUPS if width <= 1_500 else 8
    group_of_unit = numpy_generator(seed, "groups").permutation(np.arange(units) % count)
    order = np.argsort(group_of_unit[unit], kind="stable")
    ends = np.cumsum(np.bincount(group_of_unit[unit], minlength=count))
    groups = np.zeros((count, width, width), dtype=np.float32)
    for group, (begin, end) in enumerate(zip(np.concatenate([[0], ends[:-1]]), ends, strict=True)):
        for low in range(begin, end, _CHUNK):
            rows = order[low : min(low + _CHUNK, end)]
            hot = np.zeros((len(rows), width), dtype=np.float32)
            np.put_along_axis(hot, codes[rows].astype(np.int64) + starts, 1.0, axis=1)
            groups[group] += hot.T @ hot
    return CrossTables(groups, starts)


def jackknife(
    statistic: Callable[[Array, Array], float], real: CrossTables, synthetic: CrossTables, bounds: Interval
) -> tuple[float, Interval]:
    """``statistic(total of real, total of synthetic)`` and its interval, by leaving out groups on either side."""
    real_total, synthetic_total = real.total, synthetic.total
    value = statistic(real_total, synthetic_total)
    variance = jackknife_variance([statistic(real_total - group, synthetic_total) for group in real.groups])
    variance += jackknife_variance([statistic(real_total, synthetic_total - group) for group in synthetic.groups])
    half = float(t.ppf(0.975, len(real.groups) - 1) * np.sqrt(variance))
    return value, (max(bounds[0], value - half), min(bounds[1], value + half))


def shares(table: Array) -> Array:
    """A table of counts as shares of its rows; the sum over one block is the number of rows."""
    rows = max(1.0, float(np.trace(table)))
    return table / rows
