"""Identifiers that simulators make up: different numbers behind a letter, in no order that says anything."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def distinct(random: np.random.Generator, n: int, below: int) -> NDArray[np.int64]:
    """``n`` different whole numbers below ``below``, ascending, shape ``(n,)``; ``n`` is at most a tenth of it."""
    found = np.zeros(0, dtype=np.int64)
    while len(found) < n:
        found = np.union1d(found, random.integers(0, below, size=2 * (n - len(found)) + 8))
    return np.sort(random.choice(found, size=n, replace=False))


def numbered(letter: str, numbers: NDArray[np.int64], digits: int) -> NDArray[np.object_]:
    """Each number with ``digits`` digits behind ``letter``, shape ``(numbers,)``."""
    return np.array([f"{letter}{number:0{digits}d}" for number in numbers.tolist()], dtype=object)
