"""How far the distribution of a column has moved, by the population stability index."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GROUPS = 10
MOVED = 0.1  # from which on a shift is commonly called moderate; 0.25 is called large


@dataclass(frozen=True, kw_only=True)
class Shift:
    """The index of one column, and what it would be on average if nothing had moved."""

    name: str
    index: float
    chance: float

    @property
    def moved(self) -> bool:
        """Whether the column moved by more than chance and more than is commonly called stable."""
        return self.index > MOVED + self.chance


def population_stability(
    name: str, before: NDArray[np.float64], now: NDArray[np.float64], *, ordered: bool, groups: int = GROUPS
) -> Shift:
    """Sum over groups of codes of (q − p) ln(q / p), p and q being their shares before and now.

    ``before`` and ``now``, both of shape ``(codes,)``, count each code. Neighbouring codes of an ``ordered`` column
    go into groups of about equal share before; of any other, the most frequent stay and the rest is one group. Half a
    unit is added to every count, so that no share is zero. The index is that of Karakoulas 2004 (Empirical validation
    of retail credit-scoring models, RMA Journal 87); of two samples of one distribution it is about
    (groups − 1)(1/n + 1/m).
    """
    group = _ordered_groups(before, groups) if ordered else _frequent_groups(before, groups)
    p, q = (np.bincount(group, counts) + 0.5 for counts in (before, now))
    chance = (len(p) - 1) * (1 / max(1.0, before.sum()) + 1 / max(1.0, now.sum()))
    p, q = p / p.sum(), q / q.sum()
    return Shift(name=name, index=float(((q - p) * np.log(q / p)).sum()), chance=float(chance))


def _ordered_groups(before: NDArray[np.float64], groups: int) -> NDArray[np.int64]:
    """Groups of neighbours with about equal counts; every group has a code."""
    middle = (np.cumsum(before) - before / 2) / max(before.sum(), 1e-12)
    raw = np.minimum((middle * groups).astype(np.int64), groups - 1)
    return np.unique(raw, return_inverse=True)[1].astype(np.int64)


def _frequent_groups(before: NDArray[np.float64], groups: int) -> NDArray[np.int64]:
    order = np.argsort(-before, kind="stable")
    group = np.full(len(before), min(groups, len(before)) - 1, dtype=np.int64)
    group[order[: groups - 1]] = np.arange(min(groups - 1, len(before)))
    return group
