"""Where in its unit a row stands: what it is told of that."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PER_OCTAVE = 4  # steps in which a number doubles, beyond the window


def bucket_sizes(most_rows: int, window: int) -> tuple[int, int, int]:
    """How many codes :func:`places_of` gives each of its columns."""
    index, remaining, count = places_of(
        np.array([most_rows - 1, 0]), np.array([most_rows, most_rows]), most_rows, window
    ).T
    return int(index.max()) + 1, int(remaining.max()) + 1, int(count.max()) + 1


def places_of(index: NDArray[np.int64], count: NDArray[np.int64], most_rows: int, window: int) -> NDArray[np.int64]:
    """How many rows are before and after each row, and how many there are in all; shape ``(rows, 3)``.

    Exact up to ``window``, in steps that grow with the number beyond: how a unit begins and ends is known to the
    row, and no place is so rare that nothing is learned of it. ``count`` is 0 for a unit without rows.
    """
    count = np.minimum(count, most_rows)
    index = np.minimum(index, most_rows - 1)
    return np.stack([bucketed(n, window) for n in (index, np.maximum(count - 1 - index, 0), count)], axis=1)


def bucketed(numbers: NDArray[np.int64], window: int) -> NDArray[np.int64]:
    """Whole numbers from 0 on as codes: themselves up to ``window``, by their logarithm beyond."""
    beyond = np.floor(PER_OCTAVE * np.log2(np.maximum(numbers, window) / window)).astype(np.int64)
    return np.minimum(numbers, window) + beyond
