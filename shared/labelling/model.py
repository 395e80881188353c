"""Labels by a model that is trained on the labelled rows, with a confidence that cross-validation calibrates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder

from shared.corpus.schema import NUMERIC, Column
from shared.corpus.values import to_numbers, to_text
from shared.errors import DataError

FOLDS = 5
_BINS = 10
_WORDS = 300


@dataclass(frozen=True, kw_only=True)
class LabelReport:
    """What cross-validation says, with units kept together (internal: computed on records).

    ``majority`` is the accuracy of always saying the most frequent label, ``sure_accuracy`` that of the rows whose
    confidence reaches the threshold, ``sure_share`` how many these are, ``calibration_error`` the expected one.
    """

    rows: int
    accuracy: float
    majority: float
    calibration_error: float
    sure_accuracy: float
    sure_share: float
    temperature: float


@dataclass(frozen=True, eq=False, kw_only=True)
class ModelLabels:
    """The label that the model would give each row that has none, shape ``(rows,)``, its confidence, and the report."""

    labels: NDArray[np.object_]
    confidence: NDArray[np.float64]
    report: LabelReport


def label_by_model(
    frame: pd.DataFrame,
    labels: pd.Series,
    units: Sequence[object],
    columns: Sequence[Column],
    text: Sequence[str],
    *,
    threshold: float,
    seed: int,
) -> ModelLabels:
    """Train on rows with a label and predict all; ``text`` names columns that are taken as words.

    Confidences are softened by one temperature that fits the predictions of cross-validation (Guo et al. 2017); in
    the report each fold has the temperature of the others. Raises ``DataError`` if a label has too few units.
    """
    known = labels.notna().to_numpy()
    classes, codes = np.unique(labels[known].astype(str), return_inverse=True)
    groups = pd.factorize(pd.Series(list(units), dtype=object))[0]
    if len(classes) < 2:
        raise DataError(f"the labelled rows have {len(classes)} different labels; a model needs at least two")
    for place, name in enumerate(classes):
        found = len(np.unique(groups[known][codes == place]))
        if found < 2 * FOLDS:
            raise DataError(f"label {name!r} has {found} units; a model needs {2 * FOLDS}: label more, or use rules")
    features = _features(frame, columns, text)
    train = features[known]
    chances, fold_of = np.zeros((len(codes), len(classes))), np.zeros(len(codes), dtype=int)
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed % (1 << 32))
    for fold, (learn, test) in enumerate(splitter.split(train, codes, groups[known])):
        model = _pipeline(columns, text, seed).fit(train.iloc[learn], codes[learn])
        chances[np.ix_(test, model.classes_)] = model.predict_proba(train.iloc[test])
        fold_of[test] = fold
    softened = np.zeros_like(chances)
    for fold in range(FOLDS):
        mine = fold_of == fold
        softened[mine] = _soften(chances[mine], _temperature(chances[~mine], codes[~mine]))
    temperature = _temperature(chances, codes)
    final = _pipeline(columns, text, seed).fit(train, codes)
    predicted = _soften(final.predict_proba(features), temperature)
    return ModelLabels(
        labels=classes[predicted.argmax(1)].astype(object),
        confidence=predicted.max(1),
        report=_report(softened, codes, threshold, temperature),
    )


def _features(frame: pd.DataFrame, columns: Sequence[Column], text: Sequence[str]) -> pd.DataFrame:
    content = {}
    for column in columns:
        if column.name in text:
            content[column.name] = to_text(frame[column.name]).fillna("")
        elif column.kind in NUMERIC:
            content[column.name] = pd.Series(to_numbers(frame[column.name], column), index=frame.index)
        else:
            content[column.name] = to_text(frame[column.name]).fillna("\x00")
    return pd.DataFrame(content)


def _pipeline(columns: Sequence[Column], text: Sequence[str], seed: int) -> Pipeline:
    numbers = [column.name for column in columns if column.kind in NUMERIC and column.name not in text]
    others = [column.name for column in columns if column.kind not in NUMERIC and column.name not in text]
    ranks = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, max_categories=200)
    dense = FunctionTransformer(lambda matrix: matrix.toarray(), accept_sparse=True)
    words = [
        (f"words {name}", make_pipeline(TfidfVectorizer(sublinear_tf=True, max_features=_WORDS), dense), name)
        for name in text
    ]
    parts = [("numbers", "passthrough", numbers), ("categories", ranks, others), *words]
    classifier = HistGradientBoostingClassifier(max_iter=100, early_stopping=False, random_state=seed % (1 << 32))
    return make_pipeline(ColumnTransformer(parts, sparse_threshold=0.0), classifier)


def _soften(chances: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    powers = np.log(np.clip(chances, 1e-12, 1.0)) / temperature
    powers = np.exp(powers - powers.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))


def _temperature(chances: NDArray[np.float64], codes: NDArray[np.int64]) -> float:
    def loss(log_temperature: float) -> float:
        right = _soften(chances, float(np.exp(log_temperature)))[np.arange(len(codes)), codes]
        return -float(np.log(np.clip(right, 1e-12, 1.0)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2.0, 3.0), method="bounded").x))


def _report(
    chances: NDArray[np.float64], codes: NDArray[np.int64], threshold: float, temperature: float
) -> LabelReport:
    sure, right = chances.max(1), chances.argmax(1) == codes
    bins = np.minimum((sure * _BINS).astype(int), _BINS - 1)
    gaps = [abs(right[bins == b].mean() - sure[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)]
    reached = sure >= threshold
    return LabelReport(
        rows=len(codes),
        accuracy=float(right.mean()),
        majority=float(np.bincount(codes).max() / len(codes)),
        calibration_error=float(sum(gaps)),
        sure_accuracy=float(right[reached].mean()) if reached.any() else 0.0,
        sure_share=float(reached.mean()),
        temperature=temperature,
    )
