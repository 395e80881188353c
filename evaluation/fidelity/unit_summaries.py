"""Two-sample AUC on whole units: can a machine tell synthetic histories from real ones by their summaries?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from evaluation.comparison import Comparison
from evaluation.fidelity.codes import CodeColumns, CodeSets, code_sets
from evaluation.score import Score
from evaluation.statistics import auc_influence, normal_interval
from shared.randomness import derive, numpy_generator

FOLDS = 3
FREQUENT = 40  # codes whose number of rows in a unit is told


def unit_summaries(sets: CodeSets, frequent: NDArray[np.int64]) -> NDArray[np.float64]:
    """What is told of each unit, shape ``(units, 7 + 2 · frequent codes)``.

    Rows; codes in all, different ones, the most in a row, and in the first and the last row; the share of codes that
    stood in the row before; in how many rows each frequent code stands, and after how many it stands again.
    """
    lengths, counts = np.diff(sets.offsets), sets.by_unit()
    sizes = np.asarray(sets.has.sum(axis=1)).ravel()
    first, last = sets.offsets[:-1], sets.offsets[1:] - 1
    most = np.maximum.reduceat(sizes, first) if len(first) else np.zeros(0)
    later = np.ones(len(sizes), dtype=bool)
    later[first] = False
    after = np.flatnonzero(later)
    again = sets.has[after].multiply(sets.has[after - 1])
    owner = np.repeat(np.arange(len(sets)), lengths)[after]
    repeated = np.bincount(owner, np.asarray(again.sum(axis=1)).ravel(), minlength=len(sets))
    repeats = np.zeros((len(sets), len(frequent)))
    np.add.at(repeats, owner, again.tocsr()[:, frequent].toarray())
    chances = np.bincount(owner, sizes[after], minlength=len(sets))
    told = [
        lengths,
        np.asarray(counts.sum(axis=1)).ravel(),
        np.asarray((counts > 0).sum(axis=1)).ravel(),
        most,
        sizes[first],
        sizes[last],
        repeated / np.maximum(chances, 1),
    ]
    return np.concatenate([np.stack(told, 1), counts[:, frequent].toarray(), repeats], axis=1)


def unit_two_sample_auc(data: Comparison, columns: CodeColumns, *, seed: int) -> Score:
    """Area under the ROC curve of a classifier that tells holdout units from as many synthetic ones.

    Gradient-boosted trees on :func:`unit_summaries`, three-fold cross-validated (as in
    :func:`evaluation.fidelity.two_sample.two_sample_auc`). 0.5 is a classifier that can only guess. The baseline is
    what the units of train score against the holdout.
    """
    parts = code_sets(columns, {"train": data.train, "holdout": data.holdout, "synthetic": data.synthetic})
    often = np.asarray(parts["holdout"].has.sum(axis=0)).ravel()
    frequent = np.argsort(-often, kind="stable")[:FREQUENT].astype(np.int64)
    told = {part: unit_summaries(sets, frequent) for part, sets in parts.items()}
    value, variance = _area(told["holdout"], told["synthetic"], seed)
    return Score(
        name="two-sample AUC of units",
        value=value,
        interval=normal_interval(value, variance),
        baseline=_area(told["holdout"], told["train"], seed)[0],
        better="lower",
    )


def _area(real: NDArray[np.float64], made: NDArray[np.float64], seed: int) -> tuple[float, float]:
    random = numpy_generator(seed, "unit two-sample")
    size = min(len(real), len(made))
    matrix = np.concatenate([part[random.permutation(len(part))[:size]] for part in (real, made)])
    label = np.arange(2 * size) < size
    fold = np.concatenate([random.permutation(size) % FOLDS for _ in range(2)])
    scores = np.empty(len(matrix))
    for index in range(FOLDS):
        model = HistGradientBoostingClassifier(
            max_iter=100, early_stopping=False, random_state=derive(seed, "unit two-sample", index) % (1 << 32)
        ).fit(matrix[fold != index], label[fold != index])
        scores[fold == index] = model.predict_proba(matrix[fold == index])[:, 1]
    area, influence = auc_influence(label, scores)
    # As for rows: folds learn from overlapping units, so that their errors go together.
    return area, float(np.square(influence).sum()) * FOLDS / (FOLDS - 1)
