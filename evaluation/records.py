"""Rows by column, as an attacker who holds the synthetic rows sees them.

Numbers are their mid-ranks among the synthetic rows, in [0, 1]; categories are codes. What is learned to encode
comes from the synthetic part alone, so that train and holdout stand before an attack on equal terms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shared.corpus.schema import NUMERIC, Column
from shared.corpus.values import to_numbers, to_text

MISSING_RANK = 2.0  # farther from every number than numbers are from each other
Keys = NDArray[np.uint64]
_CHUNK = 1 << 18


@dataclass(frozen=True, eq=False)
class Records:
    """``ranks[part]`` has shape ``(columns, rows)``: mid-ranks of numbers, codes of categories.

    ``values[part]`` of the same shape holds a code of the exact value, equal for equal values of all parts (missing
    is a value). ``numeric`` of shape ``(columns,)`` tells numbers from categories.
    """

    ranks: Mapping[str, NDArray[np.float32]]
    values: Mapping[str, NDArray[np.int64]]
    numeric: NDArray[np.bool_]

    def keys(self, part: str) -> Keys:
        """A 64-bit key of each row of a part, shape ``(rows,)``; rows equal in every column have equal keys."""
        keys = np.zeros(self.values[part].shape[1], dtype=np.uint64)
        for column, codes in enumerate(self.values[part]):
            keys += spread(codes, column)
        return keys

    def distances(
        self, part: str, rows: NDArray[np.int64], references: NDArray[np.int64], column: int
    ) -> NDArray[np.float32]:
        """Distance in one column of rows of a part to synthetic rows, shape ``(rows, references)``.

        Between numbers the difference of ranks, between categories 0 or 1 (Gower, Biometrics 27, 1971).
        """
        mine, theirs = self.ranks[part][column, rows, None], self.ranks["synthetic"][column, references]
        if self.numeric[column]:
            apart = mine - theirs
            return np.abs(apart, out=apart)
        return (mine != theirs).astype(np.float32)


def spread(codes: NDArray[np.int64], column: int) -> Keys:
    """Codes of a column as numbers without pattern (SplitMix64: Steele, Lea and Flood, OOPSLA 2014)."""
    with np.errstate(over="ignore"):
        keys = codes.astype(np.uint64) + np.uint64(column + 1) * np.uint64(0x9E3779B97F4A7C15)
        keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))


def chunks(rows: int, references: int) -> list[slice]:
    """Slices of ``rows`` so small that their distances to all references stay in the processor's cache."""
    size = max(1, _CHUNK // max(1, references))
    return [slice(start, min(start + size, rows)) for start in range(0, rows, size)]


def encode_records(columns: Sequence[Column], frames: Mapping[str, pd.DataFrame]) -> Records:
    """The rows of all parts in ``frames``; ranks are those among the part named ``synthetic``."""
    shape = {part: (len(columns), len(frame)) for part, frame in frames.items()}
    ranks = {part: np.empty(size, dtype=np.float32) for part, size in shape.items()}
    values = {part: np.empty(size, dtype=np.int64) for part, size in shape.items()}
    numeric = np.array([column.kind in NUMERIC for column in columns])
    ends = np.cumsum([len(frame) for frame in frames.values()])[:-1]
    for index, column in enumerate(columns):
        if numeric[index]:
            numbers = {part: to_numbers(frame[column.name], column) for part, frame in frames.items()}
            codes = np.unique(np.concatenate(list(numbers.values())), return_inverse=True)[1]
            coded = {part: _mid_ranks(numbers["synthetic"], x) for part, x in numbers.items()}
        else:
            codes = pd.factorize(pd.concat([to_text(frame[column.name]) for frame in frames.values()]))[0]
            coded = dict(zip(frames, np.split(codes, ends), strict=True))
        for part, mine in zip(frames, np.split(codes, ends), strict=True):
            values[part][index] = mine
            ranks[part][index] = coded[part]
    return Records(ranks, values, numeric)


def _mid_ranks(among: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    known = np.sort(among[~np.isnan(among)])
    ranks = (np.searchsorted(known, x, "left") + np.searchsorted(known, x, "right")) / (2 * max(1, len(known)))
    return np.where(np.isnan(x), MISSING_RANK, ranks)
