"""Declared tasks: does a model trained on synthetic rows do on real ones what a real-trained one does?"""

from __future__ import annotations

import numpy as np

from evaluation.cells import category_index
from evaluation.comparison import PARTS, Comparison
from evaluation.score import Score
from evaluation.statistics import normal_interval, variance_by_unit
from evaluation.utility.next_item import next_item_score
from evaluation.utility.task import NotMeasurable, TaskLike
from evaluation.utility.transfer import Labels, equal_rows, transfer
from shared.corpus.values import to_text
from shared.errors import ConfigurationError

MOST_CLASSES = 10


def task_score(data: Comparison, task: TaskLike, *, seed: int) -> Score:
    """AUC lost by training on synthetic in place of real rows, tested on the holdout (Esteban et al. 2017).

    0 means that nothing is lost; it may be negative. ``detail["metrics"]`` holds (real, synthetic) pairs.
    The interval is that of the test rows, by unit; the luck of training is not in it. A task of kind ``next-item`` is
    measured in hit rate: :func:`evaluation.utility.next_item.next_item_score`.
    """
    if task.kind == "next-item":
        return next_item_score(data, task, seed=seed)
    labels, classes = _labels(data, task)
    features = _features(data, task)
    rows = max(data.effort.training_rows, data.effort.task_rows)
    result = transfer(data, labels, len(classes), features, rows=rows, seed=seed, consumer=f"task {task.name}")
    variance = variance_by_unit(result.influence, data.unit_of_row["holdout"])
    return Score(
        name=f"task: {task.name}",
        value=result.gap,
        interval=normal_interval(result.gap, variance, (-1.0, 1.0)),
        baseline=0.0,
        better="lower",
        detail={
            "metrics": {name: list(pair) for name, pair in result.metrics.items()},
            "calibration": result.calibration,
            "classes": classes,
            "training_rows": equal_rows(data, rows),
        },
    )


def _labels(data: Comparison, task: TaskLike) -> tuple[Labels, list[str]]:
    if task.target not in data.names:
        raise ConfigurationError(f"task {task.name!r}: target {task.target!r} is not one of {', '.join(data.names)}")
    values = {part: to_text(data.part(part).frame[task.target]) for part in PARTS}
    missing = {part: data.part(part).frame[task.target].isna().to_numpy(dtype=bool) for part in PARTS}
    if task.positive is None:
        ranks, names = category_index(values, MOST_CLASSES)
        labels: Labels = {part: np.where(missing[part], -1, ranks[part]) for part in PARTS}
        _require_two_classes(labels, task, "declare another target")
        return labels, names
    hits = {part: values[part].isin(list(task.positive)).to_numpy(dtype=bool) for part in PARTS}
    labels = {part: np.where(missing[part], -1, hits[part].astype(np.int64)) for part in PARTS}
    _require_two_classes(labels, task, f"positive is {', '.join(task.positive)}; give values that occur")
    return labels, ["others", " or ".join(task.positive)]


def _require_two_classes(labels: Labels, task: TaskLike, advice: str) -> None:
    """Raises ``NotMeasurable`` where there is nothing to tell apart, in what is learned or in what is tested."""
    for part in ("train", "holdout"):
        if len(np.unique(labels[part][labels[part] >= 0])) < 2:
            raise NotMeasurable(f"task {task.name!r}: no two classes of {task.target!r} in the {part} part; {advice}")


def _features(data: Comparison, task: TaskLike) -> list[int]:
    unknown = [name for name in task.features or () if name not in data.names]
    if unknown:
        raise ConfigurationError(
            f"task {task.name!r}: features {', '.join(unknown)} are not among {', '.join(data.names)}"
        )
    chosen = data.names if task.features is None else task.features
    left_out = {task.target, *task.excluded}
    return [index for index, name in enumerate(data.names) if name in chosen and name not in left_out]
