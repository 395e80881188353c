"""Two-sample AUC: can a machine tell synthetic rows from real ones?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from evaluation.comparison import Comparison
from evaluation.score import Score
from evaluation.statistics import Interval, auc_influence, normal_interval, roc_curve, variance_by_unit
from shared.randomness import derive, numpy_generator

FOLDS = 3
IMPORTANCE_ROWS = 2_000


def two_sample_auc(data: Comparison, *, seed: int) -> Score:
    """Area under the ROC curve of a classifier that tells holdout rows from as many synthetic ones.

    Gradient-boosted trees, three-fold cross-validation by unit (Lopez-Paz and Oquab 2017,
    arXiv:1610.06545, with the area in place of the accuracy). 0.5 is a classifier that can only guess.
    ``detail["importance"]``: pairs (column, area lost when the column is shuffled among held-out rows), the largest
    first (permutation importance: Breiman, Mach. Learn. 45, 2001); ``detail["importance_intervals"]``: (low, high) of
    each. Columns that say the same hide one another.
    """
    most = min(data.effort.two_sample_rows, len(data.synthetic.frame))
    real = data.sample_rows("holdout", most, seed=seed, consumer="two-sample")
    synthetic = data.sample_rows("synthetic", len(real), seed=seed, consumer="two-sample")
    matrix = np.concatenate([data.features["holdout"][real], data.features["synthetic"][synthetic]])
    label = np.arange(len(matrix)) < len(real)
    unit = np.concatenate(
        [data.unit_of_row["holdout"][real], data.unit_of_row["synthetic"][synthetic] + len(data.holdout)]
    )
    scores, shuffled, sampled = _cross_validated(data, matrix, label, unit, seed)
    area, influence = auc_influence(label, scores)
    # Folds learn from overlapping rows, so their errors go together (Nadeau and Bengio, Mach. Learn. 52, 2003):
    # on equal populations the area scatters by 1 + test rows / training rows more than DeLong's variance.
    variance = variance_by_unit(influence, unit) * FOLDS / (FOLDS - 1)
    lost = _importance(label[sampled], scores[sampled], shuffled, unit[sampled], data.names)
    false, true = roc_curve(label, scores)
    return Score(
        name="two-sample AUC",
        value=area,
        interval=normal_interval(area, variance),
        baseline=0.5,
        better="lower",
        detail={
            "roc": {"fpr": false.tolist(), "tpr": true.tolist()},
            "importance": [(name, value) for name, value, _ in lost],
            "importance_intervals": {name: list(interval) for name, _, interval in lost},
            "rows": len(matrix),
        },
    )


def _cross_validated(
    data: Comparison, matrix: NDArray[np.float64], label: NDArray[np.bool_], unit: NDArray[np.int64], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Out-of-fold scores of all rows; rows of one unit share a fold.

    Then those of a sample of each fold with one column shuffled, shape ``(columns, sampled rows)``, and the sample.
    """
    random = numpy_generator(seed, "two-sample folds")
    fold_of_unit = np.empty(int(unit.max()) + 1, dtype=np.int64)
    for units in (np.unique(unit[label]), np.unique(unit[~label])):  # either side in equal shares
        fold_of_unit[random.permutation(units)] = np.arange(len(units)) % FOLDS
    fold = fold_of_unit[unit]
    scores = np.empty(len(label))
    shuffled, sampled = [], []
    for index in range(FOLDS):
        test = np.flatnonzero(fold == index)
        # The classifier cannot bin a column without any value: it becomes one that says nothing.
        empty = np.isnan(matrix[fold != index]).all(axis=0)
        known = np.where(empty, 0.0, matrix)
        model = HistGradientBoostingClassifier(
            max_iter=data.effort.two_sample_iterations,
            categorical_features=data.features.categorical,
            early_stopping=False,
            random_state=derive(seed, "two-sample", index) % (1 << 32),
        ).fit(known[fold != index], label[fold != index])
        scores[test] = model.predict_proba(known[test])[:, 1]
        sampled.append(test[random.permutation(len(test))[:IMPORTANCE_ROWS]])
        shuffled.append(_shuffled_scores(model, known[sampled[-1]], random))
    return scores, np.concatenate(shuffled, axis=1), np.concatenate(sampled)


def _shuffled_scores(
    model: HistGradientBoostingClassifier, matrix: NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.float64]:
    """Scores of the rows with each column in turn shuffled, shape ``(columns, rows)``."""
    scores = np.empty(matrix.shape[::-1])
    for column in range(matrix.shape[1]):
        shuffled = matrix.copy()
        shuffled[:, column] = random.permutation(shuffled[:, column])
        scores[column] = model.predict_proba(shuffled)[:, 1]
    return scores


def _importance(
    label: NDArray[np.bool_],
    scores: NDArray[np.float64],
    shuffled: NDArray[np.float64],
    unit: NDArray[np.int64],
    names: tuple[str, ...],
) -> list[tuple[str, float, Interval]]:
    """Area lost with each column shuffled and its interval, largest first; both areas are of the same rows."""
    whole, influence = auc_influence(label, scores)
    lost = []
    for name, without in zip(names, shuffled, strict=True):
        area, other = auc_influence(label, without)
        variance = variance_by_unit(influence - other, unit) * FOLDS / (FOLDS - 1)
        lost.append((name, whole - area, normal_interval(whole - area, variance, (-1.0, 1.0))))
    return sorted(lost, key=lambda column: -column[1])
