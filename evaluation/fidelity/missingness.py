"""Missingness difference: are values missing as often, and together, as in reality?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluation.comparison import Comparison
from evaluation.joint import with_interval
from evaluation.score import Score


def missingness_difference(data: Comparison, *, seed: int) -> Score:
    """Mean absolute difference of the shares in which values are missing, alone and in pairs of columns.

    The mean runs over all pairs of columns in which values are missing somewhere, a column with itself
    included. 0 where nothing is ever missing. The baseline is the difference between holdout and train.
    """
    del seed
    joint, cells = data.joint, data.cells
    ends = joint["train"].starts + cells.sizes - 1
    affected = [index for index, missing in enumerate(cells.has_missing) if missing]
    places = ends[affected]
    upper = np.triu_indices(len(places))

    def difference(real: NDArray[np.float64], synthetic: NDArray[np.float64]) -> float:
        if not len(places):
            return 0.0
        return float(np.abs(real - synthetic)[np.ix_(places, places)][upper].mean())

    value, interval = with_interval(difference, joint["train"], joint["synthetic"])
    real, synthetic = (np.diag(joint[part].shares())[places] for part in ("train", "synthetic"))
    return Score(
        name="missingness difference",
        value=value,
        interval=interval,
        baseline=difference(joint["train"].shares(), joint["holdout"].shares()),
        better="lower",
        detail={
            "columns": {
                data.names[column]: {"real": float(real[index]), "synthetic": float(synthetic[index])}
                for index, column in enumerate(affected)
            }
        },
    )
