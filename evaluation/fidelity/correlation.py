"""Correlation difference: are relations between columns as strong as in reality?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluation.comparison import Comparison
from evaluation.joint import JointCounts, with_interval
from evaluation.score import Score


def correlation_difference(data: Comparison, *, seed: int) -> Score:
    """Mean absolute difference, over pairs of columns, of their association in real and synthetic data.

    The association is the mutual information of two columns' cells, divided by the geometric mean of
    their entropies (Strehl and Ghosh, JMLR 3, 2002, eq. 2): 0 for independent columns, 1 for columns
    that determine each other. It takes numbers and categories alike. The baseline is the difference
    between holdout and train.
    """
    del seed
    joint = data.joint
    columns = len(data.columns)
    upper = np.triu_indices(columns, 1) if columns > 1 else (np.array([0]), np.array([0]))

    def difference(real: NDArray[np.float64], synthetic: NDArray[np.float64]) -> float:
        matrices = (association(shares, joint["train"]) for shares in (real, synthetic))
        one, other = matrices
        return float(np.abs(one - other)[upper].mean())

    value, interval = with_interval(difference, joint["train"], joint["synthetic"])
    return Score(
        name="correlation difference",
        value=value,
        interval=interval,
        baseline=difference(joint["train"].shares(), joint["holdout"].shares()),
        better="lower",
        detail={
            "columns": list(data.names),
            "real": association(joint["train"].shares(), joint["train"]).tolist(),
            "synthetic": association(joint["synthetic"].shares(), joint["train"]).tolist(),
        },
    )


def association(shares: NDArray[np.float64], joint: JointCounts) -> NDArray[np.float64]:
    """Normalised mutual information of all pairs, shape ``(columns, columns)``, of joint shares of cells."""
    single = np.diag(shares)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(shares) - np.log(single[:, None]) - np.log(single[None, :])
        entropies = -np.add.reduceat(np.where(single > 0, single * np.log(single), 0.0), joint.starts)
        information = joint.by_pair(np.where(shares > 0, shares * logs, 0.0))
        normal = information / np.sqrt(entropies[:, None] * entropies[None, :])
    return np.clip(np.where(np.isfinite(normal), normal, 0.0), 0.0, 1.0)
