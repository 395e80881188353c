"""Modes of a number, and the code of a value: mode-wise normalisation on the positions of codes.

As in CTGAN (Xu et al. 2019, arXiv:1907.00503, section 4.2) a number is the mode that it belongs to and its distance
from the mode's mean in standard deviations. Modes are learned from positions and marginals alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST = 10  # modes of a number
ATOM = 0.03  # share of all rows from which a code is a mode of its own
FEW = 32  # codes up to which each is a mode of its own
LEAST = 0.004  # share below which a mode is dropped
REACH = 4.0  # standard deviations to either side that a mode reaches
_ROUNDS = 60

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Modes:
    """``means`` and ``widths`` have shape ``(modes,)``, that of missing (if there is one) being the last.

    ``mode`` and ``place``, both ``(size,)``, say where each code lies: in which mode, and how far from its mean, from
    -1 to 1. ``missing`` is the code of missing.
    """

    means: Floats
    widths: Floats
    mode: NDArray[np.int64]
    place: Floats
    positions: Floats
    missing: int | None

    def __len__(self) -> int:
        return len(self.means)

    def codes(self, modes: NDArray[np.int64], places: Floats) -> NDArray[np.int64]:
        """The code nearest to each value, both arguments ``(rows,)``."""
        values = self.means[modes] + REACH * self.widths[modes] * np.clip(places, -1.0, 1.0)
        known = np.flatnonzero(~np.isnan(self.positions))
        if not len(known):
            return np.full(len(modes), self.missing or 0, dtype=np.int64)
        order = known[np.argsort(self.positions[known], kind="stable")]
        ascending = self.positions[order]
        codes = order[np.searchsorted((ascending[1:] + ascending[:-1]) / 2, np.nan_to_num(values))]
        if self.missing is not None:
            codes = np.where(modes == len(self) - 1, self.missing, codes)
        return codes.astype(np.int64)


def modes_of(counts: Floats, positions: Floats) -> Modes:
    """Modes of a number whose codes lie at ``positions`` (NaN: missing) and occur so often."""
    known = ~np.isnan(positions)
    weights = np.where(known, np.maximum(counts, 0.0), 0.0)
    weights = weights if weights.sum() > 0 else known.astype(np.float64)
    shares = weights / max(weights.sum(), 1e-300)
    atoms = np.flatnonzero(shares >= ATOM)
    if known.sum() <= FEW:
        atoms = np.flatnonzero(known)
    rest = known.copy()
    rest[atoms] = False
    means, widths = _mixture(positions[rest], shares[rest], MOST)
    mode, place = np.zeros(len(positions), dtype=np.int64), np.zeros(len(positions))
    if rest.any():
        mode[rest], place[rest] = _assigned(positions[rest], means, widths)
    mode[atoms] = len(means) + np.arange(len(atoms))
    means, widths = np.append(means, positions[atoms]), np.append(widths, np.zeros(len(atoms)))
    missing = np.flatnonzero(~known)
    if len(missing):
        mode[missing] = len(means)
        means, widths = np.append(means, 0.0), np.append(widths, 0.0)
    return Modes(means, widths, mode, place, positions, int(missing[0]) if len(missing) else None)


def _mixture(positions: Floats, shares: Floats, most: int) -> tuple[Floats, Floats]:
    """Means and standard deviations of a mixture of normals, by weighted expectation maximisation."""
    if not len(positions):
        return np.zeros(0), np.zeros(0)
    shares = shares + 1e-12
    low, span = positions.min(), max(np.ptp(positions), 1e-300)
    places, total = (positions - low) / span, shares.sum()
    count = min(most, len(places))
    ranks = (np.cumsum(shares) - shares / 2) / total
    # Half of the means begin at quantiles, half evenly along the line, so that small far modes are found too.
    starts = np.interp((np.arange(count) + 0.5) / count, ranks, places)
    means = np.where(np.arange(count) % 2 == 0, starts, (np.arange(count) + 0.5) / count)
    floor = 0.25 / max(len(places), 4)
    widths, parts = np.full(count, 1.0 / count), np.full(count, 1.0 / count)
    for _ in range(_ROUNDS):
        belongs = shares[:, None] * _responsibilities(places, means, widths, parts)
        weight = belongs.sum(0) + 1e-12
        means = (belongs * places[:, None]).sum(0) / weight
        widths = np.sqrt((belongs * np.square(places[:, None] - means)).sum(0) / weight + floor**2)
        parts = weight / weight.sum()
    kept = parts >= LEAST
    kept[np.argmax(parts)] = True
    return means[kept] * span + low, widths[kept] * span


def _responsibilities(places: Floats, means: Floats, widths: Floats, parts: Floats) -> Floats:
    logs = np.log(parts + 1e-300) - np.log(widths) - 0.5 * np.square((places[:, None] - means) / widths)
    logs -= logs.max(axis=1, keepdims=True)
    chances = np.exp(logs)
    found: Floats = chances / chances.sum(axis=1, keepdims=True)
    return found


def _assigned(positions: Floats, means: Floats, widths: Floats) -> tuple[NDArray[np.int64], Floats]:
    """The likeliest mode of each position, and its place in it."""
    mode = _responsibilities(positions, means, widths, np.full(len(means), 1.0)).argmax(axis=1)
    return mode, np.clip((positions - means[mode]) / (REACH * np.maximum(widths[mode], 1e-300)), -1.0, 1.0)
