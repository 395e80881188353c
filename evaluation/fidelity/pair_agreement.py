"""Pair agreement: do two columns at a time go together as they do in reality?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluation.comparison import Comparison
from evaluation.joint import with_interval
from evaluation.score import Score


def pair_agreement(data: Comparison, *, seed: int) -> Score:
    """1 − total variation distance of the joint cells of two columns, synthetic against train; mean over all pairs.

    With one column it is that column's agreement. The baseline is the holdout's own agreement with train.
    """
    del seed
    joint = data.joint
    upper = np.triu_indices(len(data.columns), 1) if len(data.columns) > 1 else (np.array([0]), np.array([0]))

    def matrix(real: NDArray[np.float64], synthetic: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1 - 0.5 * joint["train"].by_pair(np.abs(real - synthetic))

    def agreement(real: NDArray[np.float64], synthetic: NDArray[np.float64]) -> float:
        return float(matrix(real, synthetic)[upper].mean())

    value, interval = with_interval(agreement, joint["train"], joint["synthetic"])
    return Score(
        name="pair agreement",
        value=value,
        interval=interval,
        baseline=agreement(joint["train"].shares(), joint["holdout"].shares()),
        detail={
            "columns": list(data.names),
            "matrix": matrix(joint["train"].shares(), joint["synthetic"].shares()).tolist(),
        },
    )
