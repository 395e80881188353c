"""Rows as points, for attacks that look for neighbours.

Numbers become their rank among the train part, in [0, 1]; categories become one-hot vectors times 0.7,
so that two rows that differ in a category are about as far apart as the ends of a number.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from evaluation.comparison import PARTS, Comparison, Part
from shared.corpus.schema import NUMERIC

CATEGORY_WEIGHT = 0.7
_CHUNK = 1_000


class Space:
    """The points of all parts; :meth:`nearest` gives distances between them."""

    def __init__(self, data: Comparison) -> None:
        self._features: Mapping[Part, NDArray[np.float64]] = data.features.matrices  # type: ignore[assignment]
        self._numeric = np.array([column.kind in NUMERIC for column in data.columns])
        self._sorted = [np.sort(x[np.isfinite(x)]) for x in self._features["train"].T]
        largest = [
            max(np.nanmax(np.nan_to_num(self._features[part][:, j]), initial=0) for part in PARTS)
            for j in range(len(self._sorted))
        ]
        self._sizes = [0 if numeric else int(top) + 1 for numeric, top in zip(self._numeric, largest, strict=True)]

    def points(self, part: Part, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Shape ``(rows, dimensions)``. A missing number lies in the middle and has a dimension that says so."""
        matrix = self._features[part][rows]
        blocks = []
        for j, size in enumerate(self._sizes):
            values = matrix[:, j]
            missing = np.isnan(values)
            if size:
                block = np.zeros((len(rows), size + 1), dtype=np.float32)
                block[np.arange(len(rows)), np.where(missing, size, np.nan_to_num(values)).astype(np.int64)] = (
                    CATEGORY_WEIGHT
                )
            else:
                known = self._sorted[j]
                rank = (np.searchsorted(known, values, "left") + np.searchsorted(known, values, "right")) / 2
                block = np.stack([np.where(missing, 0.5, rank / max(1, len(known))), missing * CATEGORY_WEIGHT], axis=1)
            blocks.append(block.astype(np.float32))
        return np.concatenate(blocks, axis=1)


def nearest(queries: NDArray[np.float32], references: NDArray[np.float32]) -> NDArray[np.float64]:
    """Squared Euclidean distance of each query to its nearest reference, shape ``(queries,)``.

    Exact search in chunks; distances below the rounding of the products count as zero.
    """
    lengths = np.einsum("ij,ij->i", references, references)
    found = np.empty(len(queries))
    for start in range(0, len(queries), _CHUNK):
        chunk = queries[start : start + _CHUNK]
        own = np.einsum("ij,ij->i", chunk, chunk)
        found[start : start + len(chunk)] = (lengths - 2.0 * (chunk @ references.T)).min(1) + own
    scale = float(lengths.max(initial=1.0))
    return np.where(found < 1e-5 * scale, 0.0, found)
