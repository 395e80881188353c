"""One scorer for all: codes and pairs of codes, numbers of rows, and a classifier of whole units.

Everything is measured against the held-out half; real rows (the half that is learned from) score the ceiling.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.histories.data import DataSet
from evaluation.comparison import Comparison
from evaluation.effort import Effort
from evaluation.fidelity.code_agreement import code_agreement
from evaluation.fidelity.unit_summaries import unit_two_sample_auc
from shared.corpus.units import UnitFrame

ALL = 10**9
LENGTHS = "length distance"
LOWER_IS_BETTER = frozenset({LENGTHS, "two-sample AUC of units"})


def scores(data: DataSet, synthetic: UnitFrame, seed: int) -> dict[str, float]:
    """All scores of one sample."""
    compared = Comparison(data.table, data.train, data.holdout, synthetic, Effort(rows=ALL))
    found = [*code_agreement(compared, data.codes, seed=seed), unit_two_sample_auc(compared, data.codes, seed=seed)]
    lengths = length_distance(data.holdout.rows_per_unit, synthetic.rows_per_unit)
    return {**{score.name: score.value for score in found}, LENGTHS: lengths}


def length_distance(real: NDArray[np.int64], made: NDArray[np.int64]) -> float:
    """Total variation distance of the numbers of rows of units."""
    most = int(max(real.max(), made.max())) + 1
    one, other = (np.bincount(lengths, minlength=most) / len(lengths) for lengths in (real, made))
    return float(0.5 * np.abs(one - other).sum())
