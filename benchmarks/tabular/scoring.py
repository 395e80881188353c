"""One scorer for all: the four scores and the mean every-column utility gap.

*pair agreement*: 1 less the total variation distance, mean over all pairs of columns, against the training rows.
*TSTR AUC*: a classifier trained on synthetic rows, tested on the real holdout; 200 trees as in `bench-adult`, for
readmission the 50 of every evaluation: with one case in ten of 14,000 rows, 200 overfit even the real ones.
*two-sample AUC*: real holdout rows against as many synthetic ones. *neighbour share*: synthetic rows nearer to
training rows than to as many held out. *utility gap*: AUC lost by training on synthetic rows, mean over all columns
as targets.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from benchmarks.tabular.data import DataSet
from evaluation.comparison import Comparison
from evaluation.effort import Effort
from evaluation.fidelity.pair_agreement import pair_agreement
from evaluation.fidelity.two_sample import two_sample_auc
from evaluation.leakage.nearest_neighbour import nearest_neighbour_share
from evaluation.utility.every_column import every_column
from evaluation.utility.tasks import task_score
from shared.corpus.units import UnitFrame

ALL = 10**9
EFFORT = Effort(training_rows=ALL, task_rows=ALL, test_rows=ALL, iterations=200, two_sample_rows=ALL, queries=10_000)
TREES, FEWER_TREES = {"adult": 200}, 50
EVERY_COLUMN = Effort()  # 50 trees and at most 20,000 rows a column
NAMES = ("pair agreement", "TSTR AUC", "two-sample AUC", "neighbour share", "utility gap")
HIGHER_IS_BETTER = {"pair agreement", "TSTR AUC"}


def scores(data: DataSet, synthetic: UnitFrame, seed: int) -> dict[str, float]:
    """All scores of one sample."""
    whole = Comparison(synthetic.table, data.train, data.holdout, synthetic, EFFORT)
    columns = Comparison(synthetic.table, data.train, data.holdout, synthetic, EVERY_COLUMN)
    return {
        "pair agreement": pair_agreement(whole, seed=seed).value,
        "TSTR AUC": _task_auc(data, synthetic, seed)[1],
        "two-sample AUC": two_sample_auc(whole, seed=seed).value,
        "neighbour share": nearest_neighbour_share(whole, seed=seed).value,
        "utility gap": every_column(columns, seed=seed, excluded=data.derived).value,
    }


def _task_auc(data: DataSet, synthetic: UnitFrame, seed: int) -> tuple[float, float]:
    """AUC on the holdout of what learned from real and from synthetic rows."""
    effort = dataclasses.replace(EFFORT, iterations=TREES.get(data.name, FEWER_TREES))
    comparison = Comparison(synthetic.table, data.train, data.holdout, synthetic, effort)
    real, made = task_score(comparison, data.task, seed=seed).detail["metrics"]["AUC"]
    return real, made


def ceiling(data: DataSet, seed: int) -> dict[str, float]:
    """What real rows score: the holdout against train, a classifier that learned from train, train against the
    holdout, one half of the holdout against the other; the gap is 0 by definition."""
    held = Comparison(data.holdout.table, data.train, data.holdout, data.holdout, EFFORT)
    learned = Comparison(data.holdout.table, data.train, data.holdout, data.train, EFFORT)
    order = np.random.default_rng(seed).permutation(len(data.holdout))
    half = len(order) // 2
    one, other = data.holdout.take(np.sort(order[:half])), data.holdout.take(np.sort(order[half:]))
    halves = Comparison(data.holdout.table, data.train, other, one, EFFORT)
    return {
        "pair agreement": pair_agreement(held, seed=seed).value,
        "TSTR AUC": _task_auc(data, data.holdout, seed)[0],
        "two-sample AUC": two_sample_auc(learned, seed=seed).value,
        "neighbour share": nearest_neighbour_share(halves, seed=seed).value,
        "utility gap": 0.0,
    }
