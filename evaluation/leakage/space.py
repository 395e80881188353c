"""Rows as points, for attacks that look for neighbours.

Numbers become their rank among the train part, in [0, 1]; categories become one-hot vectors times 0.7,
so that two rows that differ in a category are about as far apart as the ends of a number. Whether a
number is missing counts as a category.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.comparison import PARTS, Comparison, Part
from shared.corpus.schema import NUMERIC
from shared.corpus.values import to_numbers, to_text

CATEGORY_WEIGHT = 0.7
SAME = 1e-10  # squared distances that differ by less are equal: rounding
_WIDE = 16  # from so many categories on, comparing codes is cheaper than one-hot vectors
_CHUNK = 128


@dataclass(frozen=True, eq=False)
class Points:
    """``numbers`` (points, columns) in [0, 1]; ``hot`` (points, categories) one-hot; ``codes`` (points, columns)."""

    numbers: NDArray[np.float64]
    hot: NDArray[np.float32]
    codes: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, rows: slice) -> Points:
        return Points(self.numbers[rows], self.hot[rows], self.codes[rows])


class Space:
    """The points of all parts of a comparison."""

    def __init__(self, data: Comparison) -> None:
        self._numbers: dict[Part, list[NDArray[np.float64]]] = {part: [] for part in PARTS}
        self._codes: dict[Part, list[NDArray[np.int32]]] = {part: [] for part in PARTS}
        self._sizes: list[int] = []
        for column in data.columns:
            values = {part: data.part(part).frame[column.name] for part in PARTS}
            if column.kind in NUMERIC:
                self._add_numbers({part: to_numbers(series, column) for part, series in values.items()})
            else:
                self._add_categories({part: to_text(series) for part, series in values.items()})
        self._hot = [index for index, size in enumerate(self._sizes) if size < _WIDE]
        self._wide = [index for index, size in enumerate(self._sizes) if size >= _WIDE]

    def _add_numbers(self, numbers: dict[Part, NDArray[np.float64]]) -> None:
        """Mid-ranks among train; a missing number stands in the middle, and that it is missing is a category."""
        known = np.sort(numbers["train"][np.isfinite(numbers["train"])])
        for part, x in numbers.items():
            ranks = (np.searchsorted(known, x, "left") + np.searchsorted(known, x, "right")) / (2 * max(1, len(known)))
            self._numbers[part].append(np.where(np.isnan(x), 0.5, ranks))
        if any(np.isnan(x).any() for x in numbers.values()):
            self._sizes.append(2)
            for part, x in numbers.items():
                self._codes[part].append(np.isnan(x).astype(np.int32))

    def _add_categories(self, texts: dict[Part, pd.Series]) -> None:
        codes, names = pd.factorize(pd.concat([texts[part] for part in PARTS], ignore_index=True))
        codes = np.where(codes < 0, len(names), codes).astype(np.int32)
        self._sizes.append(len(names) + 1)
        ends = np.cumsum([len(texts[part]) for part in PARTS])
        for part, own in zip(PARTS, np.split(codes, ends[:-1]), strict=True):
            self._codes[part].append(own)

    def points(self, part: Part, rows: NDArray[np.int64]) -> Points:
        """The points of some rows of a part."""
        numbers = [column[rows] for column in self._numbers[part]]
        blocks = [np.zeros((len(rows), 0), dtype=np.float32)]
        for index in self._hot:
            blocks.append(np.eye(self._sizes[index], dtype=np.float32)[self._codes[part][index][rows]])
        wide = [self._codes[part][index][rows] for index in self._wide]
        return Points(
            np.stack(numbers, axis=1) if numbers else np.zeros((len(rows), 0)),
            np.concatenate(blocks, axis=1),
            np.stack(wide, axis=1) if wide else np.zeros((len(rows), 0), dtype=np.int32),
        )


def distances(queries: Points, references: Points) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Squared Euclidean distances, a few queries at a time: ``(which queries, shape (queries, references))``.

    Categories are counted in whole numbers and numbers stand in double precision, so that equal rows
    have equal distances and a copy has distance 0, up to ``SAME``.
    """
    own = np.einsum("ij,ij->i", references.numbers, references.numbers)
    columns = references.codes.T.copy()
    for start in range(0, len(queries), _CHUNK):
        some = slice(start, min(start + _CHUNK, len(queries)))
        chunk = queries[some]
        matches = chunk.hot @ references.hot.T
        for mine, theirs in zip(chunk.codes.T, columns, strict=True):
            matches += mine[:, None] == theirs[None, :]
        # Every one-hot vector has one 1, so the most matches a query can have is the number of its columns.
        most = float(chunk.hot[0].sum()) + len(columns)
        squared = chunk.numbers @ references.numbers.T
        squared *= -2.0
        squared += own
        squared += np.einsum("ij,ij->i", chunk.numbers, chunk.numbers)[:, None]
        squared += (2 * CATEGORY_WEIGHT**2) * (most - matches)
        yield some, squared


def nearest_unit(
    queries: Points, references: Points, unit: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Squared distance to the nearest reference, and which ``unit`` it belongs to, each of shape ``(queries,)``."""
    radius, place = np.empty(len(queries)), np.empty(len(queries), dtype=np.int64)
    for some, squared in distances(queries, references):
        place[some] = squared.argmin(axis=1)
        radius[some] = squared.min(axis=1)
    return radius, unit[place]


def nearest(queries: Points, references: Points) -> NDArray[np.float64]:
    """Squared distance of each query to its nearest reference, shape ``(queries,)``; exact search."""
    found = np.empty(len(queries))
    for some, squared in distances(queries, references):
        found[some] = squared.min(axis=1)
    return np.where(found < SAME, 0.0, found)
