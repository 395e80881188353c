"""Smooth functions of the codes of a number, so that what is learned of one code holds for its neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shared.engines.encoded import Positions

WAVES, HEAVY = 16, 8
HEAVY_SHARE = 0.02  # of all rows: a code that stands out from its neighbours
FEW = 32  # codes that need no smoothness
PLENTY = 100  # rows a code, on average, from which each code is learned by itself


def smooth(counts: NDArray[np.float64], positions: Positions) -> bool:
    """Whether a column has so many codes on a line, and so few rows of each, that neighbours should learn together."""
    many = positions is not None and len(counts) > FEW
    return many and float(np.maximum(counts, 0.0).sum()) < PLENTY * len(counts)


def waves(counts: NDArray[np.float64], positions: NDArray[np.float64], most: int = WAVES) -> NDArray[np.float64]:
    """Cosines of the rank of each code among all rows, shape ``(size, most)``; 0 for missing, which has no rank."""
    known = ~np.isnan(positions)
    weights = np.where(known, np.maximum(counts, 0.0) + 1e-9, 0.0)
    ranks = (np.cumsum(weights) - weights / 2) / max(weights.sum(), 1e-9)
    frequencies = np.arange(1, most + 1)
    found: NDArray[np.float64] = np.cos(np.pi * np.outer(ranks, frequencies)) / np.sqrt(frequencies)
    return np.where(known[:, None], found, 0.0)


def features(counts: NDArray[np.float64], positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shape ``(size, WAVES + HEAVY)``: the cosines, and indicators of missing and of the heaviest codes."""
    shares = np.maximum(counts, 0.0) / max(np.maximum(counts, 0.0).sum(), 1e-9)
    rank = np.where(np.isnan(positions), 2.0, shares)
    heavy = [code for code in np.argsort(-rank, kind="stable")[:HEAVY] if rank[code] >= HEAVY_SHARE]
    indicators = np.zeros((len(counts), HEAVY))
    indicators[heavy, np.arange(len(heavy))] = 1.0
    return np.concatenate([waves(counts, positions), indicators], axis=1)
