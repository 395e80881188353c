"""Column agreement: does each column look right on its own?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluation.comparison import Comparison, Part
from evaluation.joint import JointCounts, with_interval
from evaluation.score import Score


def column_agreement(data: Comparison, *, seed: int) -> Score:
    """1 − total variation distance of a column's cells, synthetic against train; mean over columns.

    Cells are those of :mod:`evaluation.cells`. The baseline is the holdout's own agreement with train.
    """
    del seed
    joint = data.joint
    starts = joint["train"].starts

    def agreement(real: NDArray[np.float64], synthetic: NDArray[np.float64]) -> float:
        return float(_by_column(real, synthetic, starts).mean())

    value, interval = with_interval(agreement, joint["train"], joint["synthetic"])
    return Score(
        name="column agreement",
        value=value,
        interval=interval,
        baseline=agreement(joint["train"].shares(), joint["holdout"].shares()),
        detail={"columns": _columns(data, joint["train"], joint["synthetic"])},
    )


def _by_column(
    real: NDArray[np.float64], synthetic: NDArray[np.float64], starts: NDArray[np.int64]
) -> NDArray[np.float64]:
    return 1 - 0.5 * np.add.reduceat(np.abs(np.diag(real) - np.diag(synthetic)), starts)


def _columns(data: Comparison, train: JointCounts, synthetic: JointCounts) -> dict[str, object]:
    values = _by_column(train.shares(), synthetic.shares(), train.starts)
    parts: tuple[Part, Part] = ("train", "synthetic")
    return {
        column.name: {
            "value": float(values[index]),
            "kind": column.kind,
            "labels": list(data.cells.labels[index]),
            **{
                name: data.cells.shares(part, index).tolist()
                for name, part in zip(("real", "synthetic"), parts, strict=True)
            },
        }
        for index, column in enumerate(data.columns)
    }
