"""From counts over cells to the codes of a number: atoms, and bins of about equal weight.

Everything here is computed from an access's answer and the schema, so with privacy it is
post-processing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from shared.access.questions import Cells
from shared.corpus.schema import Column, Kind

# So many quantiles describe the inside of a bin of single values.
KNOTS = 20
# Values are all atoms up to so many for each bin that is wished for.
_FEW = 1.25
_MOST_DECIMALS = 10
_CLOCK = (86_400.0, 3_600.0, 60.0)

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Bins:
    """The codes of a number in ascending order; each is a run of cells.

    ``lows``, ``highs`` and ``weights`` have shape ``(cells,)``: inside a code a cell is drawn in
    proportion to its weight, inside the cell all values are alike; both ends are included. Code
    ``i`` has the cells ``starts[i]:starts[i + 1]`` and the count ``counts[i]``. An atom is a
    code of one cell of width zero.
    """

    lows: Floats
    highs: Floats
    weights: Floats
    starts: NDArray[np.int64]
    counts: Floats

    def __len__(self) -> int:
        return len(self.counts)


def binned(cells: Cells, column: Column, bins: int) -> tuple[Bins, float | None]:
    """Codes for the cells of a column, about ``bins`` of them, and the column's resolution.

    Cells that are all single values: each is an atom if they are few. Otherwise a value that holds
    more than its share becomes an atom (the share: the weight that is no atom, by the codes that are
    left for it), and runs of values between atoms are cut at quantiles. Inside a bin, values that
    repeat are drawn by their counts; unique ones are interpolated between quantiles, so that no record's value is
    handed on. Cells with a width are merged until each bin holds 1/``bins`` of all weight, because
    their counts may be noise. Counts that are all zero count as equal.
    """
    counts = np.maximum(cells.counts, 0.0)
    if not counts.sum() > 0:
        counts = np.ones(len(counts))
    single = bool(np.all(cells.lows == cells.highs))
    step = _resolution(cells.lows, column, single)
    lows, highs = (cells.lows, cells.highs) if single else _on_lattice(cells, step, column.kind)
    atoms = _atoms(cells, counts, column, bins)
    starts = _cuts(counts, atoms, _share(counts, atoms, bins, single))
    totals = np.add.reduceat(counts, starts[:-1]) if len(counts) else np.zeros(0)
    if not single:
        # Inside a bin without any count all cells are alike.
        weights = np.where(np.repeat(totals, np.diff(starts)) > 0, counts, 1.0)
        return Bins(lows, highs, weights, starts, totals), step
    parts = [_inside(lows[a:b], counts[a:b], step) for a, b in pairwise(starts)]
    sizes = [len(part[0]) for part in parts]
    lows, highs, weights = (np.concatenate([part[i] for part in parts] or [np.zeros(0)]) for i in range(3))
    inner = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return Bins(_exact(lows, cells, step), highs, weights, inner, totals), step


def decimals_of(values: Floats) -> int | None:
    """The fewest decimals that write all values; ``None`` if ten do not."""
    for decimals in range(_MOST_DECIMALS + 1):
        if np.array_equal(np.round(values, decimals), values):
            return decimals
    return None


def _resolution(values: Floats, column: Column, single: bool) -> float | None:
    """The declared step; else the coarsest that all single values share: of a clock, or a power of ten."""
    if column.step is not None:
        return column.step
    whole = None if column.kind == "real" else 1.0
    if not single or column.kind == "date" or not len(values):
        return whole
    if column.kind == "datetime":
        for step in _CLOCK:
            if not np.any(values % step):
                return step
    decimals = decimals_of(values)
    if decimals is None:
        return None if column.kind == "real" else 1e-6
    if decimals:
        return 10.0**-decimals
    power = 0
    while (
        column.kind in ("integer", "real") and power < 15 and np.any(values) and not np.any(values % 10 ** (power + 1))
    ):
        power += 1
    return float(10**power)


def _on_lattice(cells: Cells, step: float | None, kind: Kind) -> tuple[Floats, Floats]:
    """Cells with the ends that belong to them: a value at the end of one cell belongs to the next."""
    lows, highs = cells.lows.copy(), cells.highs.copy()
    if step is None:
        return lows, highs
    wide = highs > lows
    ends = np.append(highs[:-1] == lows[1:], False) & wide
    begins = np.insert((highs[:-1] == lows[1:]) & ~wide[:-1], 0, False) & wide
    if kind in ("integer", "date") and step == 1:
        # Declared edges may lie between whole numbers.
        highs = np.where(ends, np.ceil(highs) - 1, np.where(wide, np.floor(highs), highs))
        lows = np.where(begins, np.floor(lows) + 1, np.where(wide, np.ceil(lows), lows))
    else:
        highs, lows = np.where(ends, highs - step, highs), np.where(begins, lows + step, lows)
        lows, highs = _exact(lows, cells, step), _exact(highs, cells, step)
    # A cell narrower than the resolution keeps its lower end.
    return np.minimum(lows, cells.highs), np.clip(highs, np.minimum(lows, cells.highs), None)


def _exact(values: Floats, cells: Cells, step: float | None) -> Floats:
    """Sums of ends of cells and steps, without their rounding errors."""
    decimals = None if step is None else decimals_of(np.concatenate([cells.lows, cells.highs, [step]]))
    return values if decimals is None else np.round(values, decimals)


def _atoms(cells: Cells, counts: Floats, column: Column, bins: int) -> NDArray[np.bool_]:
    """Which cells are codes of their own."""
    alone = cells.lows == cells.highs
    single = bool(alone.all())
    if single and len(counts) <= _FEW * bins:
        return alone
    atoms = alone & np.isin(cells.lows, np.array(column.atoms, dtype=np.float64))
    while True:
        spikes = alone & ~atoms & (counts > _share(counts, atoms, bins, single))
        if not spikes.any():
            return atoms
        atoms |= spikes


def _share(counts: Floats, atoms: NDArray[np.bool_], bins: int, single: bool) -> float:
    """What a bin should hold."""
    share = float(counts[~atoms].sum()) / max(1, bins - int(atoms.sum()))
    return share if single else max(share, float(counts.sum()) / bins)


def _cuts(counts: Floats, atoms: NDArray[np.bool_], share: float) -> NDArray[np.int64]:
    """First cell of each code and the number of cells: runs between atoms are cut once they hold a share."""
    sums = np.concatenate([[0.0], np.cumsum(counts)])
    share *= 1 - 1e-9
    alone = np.flatnonzero(atoms)
    borders = np.unique(np.concatenate([[0], alone, alone + 1, [len(counts)]]))
    starts: list[int] = []
    for begin, end in zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True):
        at = begin
        while at < end:
            starts.append(at)
            at = max(at + 1, int(np.searchsorted(sums, sums[at] + share, side="left")))
            if at < end and sums[end] - sums[at] < share:
                at = end
    return np.array([*starts, len(counts)], dtype=np.int64)


def _inside(values: Floats, counts: Floats, step: float | None) -> tuple[Floats, Floats, Floats]:
    """Cells (lows, highs, weights) inside a bin of single values."""
    total = counts.sum()
    if len(values) == 1 or total <= 0 or (len(values) <= KNOTS and total >= 2 * len(values)):
        return values, values, counts if total > 0 else np.ones(len(values))
    sums = np.cumsum(counts)
    places = np.searchsorted(sums, total * np.linspace(0, 1, KNOTS + 1), side="left")
    knots = values[np.minimum(places, len(values) - 1)]
    lows, highs = knots[:-1].copy(), knots[1:]
    if step is not None:
        # The lower end belongs to the segment before.
        lows[1:] = np.where(highs[1:] > lows[1:], np.minimum(lows[1:] + step, highs[1:]), lows[1:])
    return lows, highs, np.ones(KNOTS)
