"""Every column from all the others: whatever someone may want to predict, do the synthetic rows teach it?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from evaluation.cells import category_index
from evaluation.comparison import PARTS, Comparison
from evaluation.score import Score
from evaluation.statistics import normal_interval, variance_by_unit
from evaluation.utility.transfer import Labels, equal_rows, transfer
from shared.corpus.schema import NUMERIC
from shared.corpus.values import to_numbers, to_text

LEAST_SHARE = 0.005  # of the rarer class, in train
LEAST_ROWS = 25  # of the rarer class, in the holdout
CANDIDATES = 50


def every_column(
    data: Comparison, *, seed: int, excluded: frozenset[str] = frozenset(), advance: Callable[[], None] = lambda: None
) -> Score:
    """AUC lost by training on synthetic in place of real rows; mean over all columns as targets.

    A number is split where its two classes are most nearly equal in train; of a category the value is
    told from all others whose share is nearest to one half. ``excluded`` columns (functions of others)
    are features but no targets. Columns whose rarer class is too rare are named in ``detail["skipped"]``.
    The interval is that of the test rows, by unit; the luck of training is not in it.
    """
    rows = data.effort.training_rows
    columns: dict[str, dict[str, float]] = {}
    skipped: dict[str, str] = {}
    influence = np.zeros(len(data.holdout.frame))
    for index, name in enumerate(data.names):
        advance()
        labels, target = _split(data, index)
        reason = "is a function of other columns" if name in excluded else _too_rare(labels)
        if reason is not None:
            skipped[name] = reason
            continue
        features = [other for other in range(len(data.names)) if other != index]
        result = transfer(data, labels, 2, features, rows=rows, seed=seed, consumer=f"column {name}")
        influence += result.influence
        columns[name] = {"gap": result.gap, **_flat(result.metrics), "target": target}  # type: ignore[dict-item]
    gaps = [column["gap"] for column in columns.values()]
    value = float(np.mean(gaps)) if gaps else 0.0
    variance = variance_by_unit(influence / max(1, len(gaps)), data.unit_of_row["holdout"])
    return Score(
        name="every column from the others",
        value=value,
        interval=normal_interval(value, variance, (-1.0, 1.0)),
        baseline=0.0,
        better="lower",
        detail={"columns": columns, "skipped": skipped, "training_rows": equal_rows(data, rows)},
    )


def _flat(metrics: dict[str, tuple[float, float]]) -> dict[str, float]:
    """``real`` and ``synthetic`` are the AUCs; every other metric stands with its side behind it."""
    real, synthetic = metrics["AUC"]
    flat = {"real": real, "synthetic": synthetic}
    for name, (one, other) in metrics.items():
        if name != "AUC":
            flat |= {f"{name} real": one, f"{name} synthetic": other}
    return flat


def _too_rare(labels: Labels) -> str | None:
    train, held = labels["train"], labels["holdout"]
    share = float((train[train >= 0] == 1).mean()) if (train >= 0).any() else 0.0
    if min(share, 1 - share) < LEAST_SHARE:
        return f"the rarer class has less than {LEAST_SHARE:.1%} of the rows"
    if min((held == 1).sum(), (held == 0).sum()) < LEAST_ROWS:
        return f"the rarer class has fewer than {LEAST_ROWS} rows in the holdout"
    return None


def _split(data: Comparison, index: int) -> tuple[Labels, str]:
    """Two classes of a column, as the train part suggests them, and the second in words."""
    column = data.columns[index]
    frames = {part: data.part(part).frame[column.name] for part in PARTS}
    if column.kind in NUMERIC:
        numbers = {part: to_numbers(values, column) for part, values in frames.items()}
        cut = _balanced_cut(numbers["train"])
        labels = {part: np.where(np.isnan(x), -1, (x > cut).astype(np.int64)) for part, x in numbers.items()}
        return labels, f"above {cut:.6g}"
    ranks, names = category_index({part: to_text(values) for part, values in frames.items()}, CANDIDATES)
    missing = {part: values.isna().to_numpy(dtype=bool) for part, values in frames.items()}
    present = ranks["train"][~missing["train"]]
    shares = np.bincount(present, minlength=1) / max(1, len(present))
    best = int(np.abs(shares - 0.5).argmin())
    labels = {part: np.where(missing[part], -1, (ranks[part] == best).astype(np.int64)) for part in PARTS}
    return labels, names[best] if best < len(names) else ""


def _balanced_cut(numbers: NDArray[np.float64]) -> float:
    """The value above which the share of numbers is nearest to one half."""
    values, counts = np.unique(numbers[np.isfinite(numbers)], return_counts=True)
    if not len(values):
        return 0.0
    above = 1 - np.cumsum(counts) / counts.sum()
    return float(values[np.abs(above - 0.5).argmin()])
