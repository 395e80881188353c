"""Rows per unit agreement: do units have as many rows as in reality?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluation.comparison import Comparison
from evaluation.score import Score
from evaluation.statistics import jackknife_interval

MOST = 20
GROUPS = 12


def rows_per_unit_agreement(data: Comparison, *, seed: int) -> Score:
    """1 − total variation distance of the number of rows a unit, synthetic against train.

    From 20 rows on they count as one.

    The baseline is the holdout's own agreement with train.
    """
    del seed
    train, holdout, synthetic = (
        np.minimum(part.rows_per_unit, MOST) for part in (data.train, data.holdout, data.synthetic)
    )
    value = _agreement(train, synthetic)
    without = [
        _agreement(np.delete(train, np.s_[group::GROUPS]), np.delete(synthetic, np.s_[group::GROUPS]))
        for group in range(GROUPS)
    ]
    most = int(max(train.max(), synthetic.max()))
    return Score(
        name="rows per unit agreement",
        value=value,
        interval=jackknife_interval(value, without),
        baseline=_agreement(train, holdout),
        detail={
            "labels": [f"{count}+" if count == MOST else str(count) for count in range(1, most + 1)],
            "real": _shares(train, most).tolist(),
            "synthetic": _shares(synthetic, most).tolist(),
        },
    )


def _shares(rows: NDArray[np.int64], most: int) -> NDArray[np.float64]:
    return np.bincount(rows, minlength=most + 1)[1:] / max(1, len(rows))


def _agreement(real: NDArray[np.int64], synthetic: NDArray[np.int64]) -> float:
    most = int(max(real.max(), synthetic.max()))
    return float(1 - 0.5 * np.abs(_shares(real, most) - _shares(synthetic, most)).sum())
