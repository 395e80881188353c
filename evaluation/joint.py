"""How often two cells occur in one row: what agreement of pairs and association are computed from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.cells import Cells
from evaluation.statistics import Interval, jackknife_interval

GROUPS = 12
_CHUNK = 4096


@dataclass(frozen=True, eq=False)
class JointCounts:
    """``groups`` has shape ``(groups, cells, cells)``: joint counts of all cells of all columns, by group of units.

    ``starts`` holds the first cell of each column.
    """

    groups: NDArray[np.float32]
    starts: NDArray[np.int64]

    def shares(self, without: int | None = None) -> NDArray[np.float64]:
        """Joint shares, shape ``(cells, cells)``, of all units or of all but those of one group."""
        counts = self.groups.sum(0, dtype=np.float64)
        if without is not None:
            counts = counts - self.groups[without]
        first = slice(self.starts[0], self.starts[1] if len(self.starts) > 1 else None)
        return counts / max(1.0, float(np.trace(counts[first, first])))

    def by_pair(self, cells: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sums over the cells of each pair of columns, shape ``(columns, columns)``."""
        return np.add.reduceat(np.add.reduceat(cells, self.starts, axis=0), self.starts, axis=1)


def joint_counts(cells: Cells, part: str, unit_of_row: NDArray[np.int64]) -> JointCounts:
    """Joint counts of a part; units go to the groups in turn, so that a group is a sample of them."""
    sizes = cells.sizes
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    places = cells.codes[part].astype(np.int64) + starts
    group = unit_of_row % GROUPS
    total = int(sizes.sum())
    counts = np.zeros((GROUPS, total, total), dtype=np.float32)
    for index in range(GROUPS):
        mine = places[group == index]
        for begin in range(0, len(mine), _CHUNK):
            chunk = mine[begin : begin + _CHUNK]
            indicator = np.zeros((len(chunk), total), dtype=np.float32)
            indicator[np.arange(len(chunk))[:, None], chunk] = 1.0
            counts[index] += indicator.T @ indicator
    return JointCounts(counts, starts)


def with_interval(
    statistic: Callable[[NDArray[np.float64], NDArray[np.float64]], float],
    real: JointCounts,
    synthetic: JointCounts,
    bounds: Interval = (0.0, 1.0),
) -> tuple[float, Interval]:
    """A statistic of joint shares and its interval, by a jackknife that leaves out a group of units on either side."""
    value = statistic(real.shares(), synthetic.shares())
    without = [statistic(real.shares(group), synthetic.shares(group)) for group in range(GROUPS)]
    return value, jackknife_interval(value, without, bounds)
