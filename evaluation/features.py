"""Columns as numbers for tree classifiers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.cells import category_index
from shared.corpus.schema import NUMERIC, Column
from shared.corpus.values import to_numbers

MOST_CATEGORIES = 254


@dataclass(frozen=True, eq=False)
class Features:
    """``matrices[part]`` has shape ``(rows, columns)``, NaN where there is no value.

    Numbers stand as they are, categories as ranks by their frequency in train (the rarest share one
    rank). ``categorical`` of shape ``(columns,)`` tells which are ranks.
    """

    matrices: Mapping[str, NDArray[np.float64]]
    categorical: NDArray[np.bool_]

    def __getitem__(self, part: str) -> NDArray[np.float64]:
        return self.matrices[part]


def feature_matrices(columns: Sequence[Column], frames: Mapping[str, pd.DataFrame]) -> Features:
    """Feature matrices of the parts in ``frames``; ranks of categories come from the part named ``train``."""
    matrices = {part: np.empty((len(frame), len(columns))) for part, frame in frames.items()}
    for index, column in enumerate(columns):
        values = {part: frame[column.name] for part, frame in frames.items()}
        if column.kind in NUMERIC:
            for part, series in values.items():
                matrices[part][:, index] = to_numbers(series, column)
            continue
        ranks, _ = category_index(values, MOST_CATEGORIES)
        for part, rank in ranks.items():
            matrices[part][:, index] = np.where(rank < 0, np.nan, rank)
    return Features(matrices, np.array([column.kind not in NUMERIC for column in columns]))
