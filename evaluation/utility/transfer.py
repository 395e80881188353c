"""Train on real or on synthetic rows, test on the same unseen real rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from evaluation.comparison import Comparison, Part
from evaluation.statistics import auc_influence
from shared.randomness import derive

BINS = 10
Labels = dict[Part, NDArray[np.int64]]  # class of each row of a part, -1 where there is none


@dataclass(frozen=True, eq=False)
class Transfer:
    """How two models do on the same test rows: one trained on real rows, one on synthetic.

    ``gap`` is the AUC of the first less that of the second, ``influence`` of shape ``(holdout rows,)``
    what each row contributes to its error, ``metrics`` maps a name to (real, synthetic).
    """

    gap: float
    influence: NDArray[np.float64]
    metrics: dict[str, tuple[float, float]]
    calibration: dict[str, dict[str, list[float]]]


def transfer(
    data: Comparison, labels: Labels, classes: int, features: Sequence[int], *, rows: int, seed: int, consumer: str
) -> Transfer:
    """Measure one target. ``features`` are indices of columns; at most ``rows`` rows of either side are learned from.

    AUC of several classes is the mean of one against the rest.
    """
    test = data.sample_rows("holdout", data.effort.test_rows, seed=seed, consumer=consumer)
    test = test[labels["holdout"][test] >= 0]
    truth = labels["holdout"][test]
    most = equal_rows(data, rows)
    results = {}
    for part in ("train", "synthetic"):
        chances = _predicted(data, part, labels[part], classes, features, test, rows=most, seed=seed, consumer=consumer)
        results[part] = (chances, *_area(truth, chances))
    (real, real_area, real_influence), (made, made_area, made_influence) = results["train"], results["synthetic"]
    influence = np.zeros(len(data.holdout.frame))
    influence[test] = real_influence - made_influence
    metrics = {"AUC": (real_area, made_area)}
    both = (_metrics(truth, real), _metrics(truth, made))
    metrics |= {name: (both[0][name], both[1][name]) for name in both[0]}
    calibration = {"real": _calibration(truth, real), "synthetic": _calibration(truth, made)}
    return Transfer(real_area - made_area, influence, metrics, calibration)


def equal_rows(data: Comparison, most: int) -> int:
    """Rows of either side that models learn from: equally many, since more rows alone teach more."""
    return min(most, len(data.train.frame), len(data.synthetic.frame))


def _predicted(
    data: Comparison,
    part: Part,
    labels: NDArray[np.int64],
    classes: int,
    features: Sequence[int],
    test: NDArray[np.int64],
    *,
    rows: int,
    seed: int,
    consumer: str,
) -> NDArray[np.float64]:
    """Chances of each class for the test rows, shape ``(test rows, classes)``, by a model trained on ``part``."""
    chosen = data.sample_rows(part, rows, seed=seed, consumer=consumer)
    chosen = chosen[labels[chosen] >= 0]
    seen = np.unique(labels[chosen])
    chances = np.zeros((len(test), classes))
    if len(seen) < 2 or not len(features):
        chances[:, seen] = 1.0 / max(1, len(seen))
        return chances
    columns = np.asarray(features)
    # The classifier cannot bin a column without any value, such as a length of stay among those who went home.
    columns = columns[~np.isnan(data.features[part][np.ix_(chosen, columns)]).all(axis=0)]
    if not len(columns):
        chances[:, seen] = 1.0 / len(seen)
        return chances
    model = HistGradientBoostingClassifier(
        max_iter=data.effort.iterations,
        categorical_features=data.features.categorical[columns],
        early_stopping=False,
        random_state=derive(seed, consumer) % (1 << 32),
    ).fit(data.features[part][np.ix_(chosen, columns)], labels[chosen])
    chances[:, model.classes_] = model.predict_proba(data.features["holdout"][np.ix_(test, columns)])
    return chances


def _area(truth: NDArray[np.int64], chances: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """AUC and the rows' contributions; the mean over the classes that occur, of two the second alone."""
    tested = (
        [1] if chances.shape[1] == 2 else [c for c in range(chances.shape[1]) if 0 < (truth == c).sum() < len(truth)]
    )
    parts = [auc_influence(truth == c, chances[:, c]) for c in tested]
    return float(np.mean([area for area, _ in parts])), np.mean([influence for _, influence in parts], axis=0)


def _metrics(truth: NDArray[np.int64], chances: NDArray[np.float64]) -> dict[str, float]:
    """Accuracy, macro-averaged precision, recall and F1 (of two: of the second), Brier and calibration error."""
    guess = chances.argmax(1)
    classes = [1] if chances.shape[1] == 2 else list(range(chances.shape[1]))
    precision, recall, f1 = [], [], []
    for c in classes:
        hits, said, there = ((guess == c) & (truth == c)).sum(), (guess == c).sum(), (truth == c).sum()
        precision.append(hits / said if said else 0.0)
        recall.append(hits / there if there else 0.0)
        f1.append(2 * hits / (said + there) if said + there else 0.0)
    target = np.eye(chances.shape[1])[truth]
    scored = slice(1, None) if chances.shape[1] == 2 else slice(None)
    curve = _calibration(truth, chances)
    weights = np.asarray(curve["share"])
    error = float(np.sum(weights * np.abs(np.subtract(curve["predicted"], curve["observed"]))))
    return {
        "accuracy": float((guess == truth).mean()),
        "precision": float(np.mean(precision)),
        "recall": float(np.mean(recall)),
        "F1": float(np.mean(f1)),
        "Brier": float(((chances - target)[:, scored] ** 2).sum(1).mean()),
        "calibration error": error,
    }


def _calibration(truth: NDArray[np.int64], chances: NDArray[np.float64]) -> dict[str, list[float]]:
    """Predicted and observed frequency in ten bins of the predicted chance, and the share of rows in each.

    Of two classes the chance of the second; of several that of the class that is guessed.
    """
    if chances.shape[1] == 2:
        chance, hit = chances[:, 1], truth == 1
    else:
        chance, hit = chances.max(1), chances.argmax(1) == truth
    bins = np.minimum((chance * BINS).astype(int), BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    used = counts > 0
    return {
        "predicted": (np.bincount(bins, weights=chance, minlength=BINS)[used] / counts[used]).tolist(),
        "observed": (np.bincount(bins, weights=hit, minlength=BINS)[used] / counts[used]).tolist(),
        "share": (counts[used] / len(chance)).tolist(),
    }
