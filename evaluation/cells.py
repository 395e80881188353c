"""Columns cut into few cells: the common ground of the agreement scores.

Numbers are cut at the deciles of the train part, categories into the 20 most frequent there and the
rest; a missing value is a cell of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shared.corpus.schema import NUMERIC, Column
from shared.corpus.values import from_numbers, to_numbers

FREQUENT = 20
OTHER, MISSING = "(other)", "(missing)"


@dataclass(frozen=True, eq=False)
class Cells:
    """Cell of each value: ``codes[part]`` has shape ``(rows, columns)``; ``labels[column]`` names the cells.

    ``has_missing[column]`` tells whether the last cell of the column is that of missing values.
    """

    codes: Mapping[str, NDArray[np.int16]]
    labels: tuple[tuple[str, ...], ...]
    has_missing: tuple[bool, ...]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Number of cells of each column, shape ``(columns,)``."""
        return np.array([len(labels) for labels in self.labels], dtype=np.int64)

    def shares(self, part: str, column: int) -> NDArray[np.float64]:
        """Share of the rows of a part in each cell of a column."""
        codes = self.codes[part][:, column]
        return np.bincount(codes, minlength=len(self.labels[column])) / len(codes)


def discretise(columns: Sequence[Column], frames: Mapping[str, pd.DataFrame]) -> Cells:
    """Cells for the parts in ``frames``, cut by the one named ``train``."""
    codes = {part: np.empty((len(frame), len(columns)), dtype=np.int16) for part, frame in frames.items()}
    labels, has_missing = [], []
    for index, column in enumerate(columns):
        cut = _cut_numbers if column.kind in NUMERIC else _cut_categories
        cells, names = cut(column, {part: frame[column.name] for part, frame in frames.items()})
        missing = any((cell < 0).any() for cell in cells.values())
        for part, cell in cells.items():
            codes[part][:, index] = np.where(cell < 0, len(names), cell)
        labels.append((*names, MISSING) if missing else tuple(names))
        has_missing.append(missing)
    return Cells(codes, tuple(labels), tuple(has_missing))


def category_index(values: Mapping[Any, pd.Series], most: int) -> tuple[dict[Any, NDArray[np.int64]], list[str]]:
    """Rank of each value among the ``most`` most frequent of train; ``most`` or fewer for the rest, -1 for missing.

    Returns the ranks of each part and the names of the ranks, the most frequent first; the last is
    the rest, where some part has one.
    """
    texts = {part: series.astype("str") for part, series in values.items()}
    counts = texts["train"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    names = [str(name) for name in counts.index[:most]]
    index = pd.Index(names, dtype="str")
    ranks = {}
    for part, text in texts.items():
        found = index.get_indexer(text).astype(np.int64)
        ranks[part] = np.where(values[part].isna().to_numpy(), -1, np.where(found < 0, len(names), found))
    if any((rank == len(names)).any() for rank in ranks.values()):
        names.append(OTHER)
    return ranks, names


def _cut_categories(column: Column, values: Mapping[str, pd.Series]) -> tuple[dict[str, NDArray[np.int64]], list[str]]:
    del column
    return category_index(values, FREQUENT)


def _cut_numbers(column: Column, values: Mapping[str, pd.Series]) -> tuple[dict[str, NDArray[np.int64]], list[str]]:
    """Cells ``(edge below, edge]``: a value that many rows share is the upper end of its cell."""
    numbers = {part: to_numbers(series, column) for part, series in values.items()}
    present = numbers["train"][np.isfinite(numbers["train"])]
    edges = np.unique(np.quantile(present, np.arange(1, 10) / 10)) if present.size else np.zeros(0)
    cells = {part: np.where(np.isnan(x), -1, np.searchsorted(edges, x, side="left")) for part, x in numbers.items()}
    return cells, _interval_labels(column, edges)


def _interval_labels(column: Column, edges: NDArray[np.float64]) -> list[str]:
    if not len(edges):
        return ["any"]
    if column.kind in ("date", "datetime"):
        stamps = from_numbers(edges, column)
        texts = [stamp.date().isoformat() if column.kind == "date" else stamp.isoformat(" ") for stamp in stamps]
    else:
        texts = [f"{edge:.6g}" for edge in edges]
    between = [f"{low} – {high}" for low, high in pairwise(texts)]
    return [f"≤ {texts[0]}", *between, f"> {texts[-1]}"]
