"""Utility: metrics against scikit-learn, gaps on clean and on useless data, targets that cannot be measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics

from domains.base.contract import Task
from evaluation.utility.every_column import every_column
from evaluation.utility.task import NotMeasurable
from evaluation.utility.tasks import task_score
from evaluation.utility.transfer import _area, _calibration, _metrics
from shared.errors import ConfigurationError

TASK = Task(name="return", table="stays", target="outcome", positive=("again",))


def predictions(classes: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(classes)
    truth = random.integers(0, classes, 400)
    chances = random.dirichlet(np.ones(classes), 400) + 0.5 * np.eye(classes)[truth]
    return truth, chances / chances.sum(1, keepdims=True)


@pytest.mark.parametrize("classes", [2, 4])
def test_metrics_are_those_of_scikit_learn(classes: int) -> None:
    truth, chances = predictions(classes)
    guess, average = chances.argmax(1), "binary" if classes == 2 else "macro"
    mine = _metrics(truth, chances)
    assert mine["accuracy"] == pytest.approx(metrics.accuracy_score(truth, guess))
    assert mine["precision"] == pytest.approx(metrics.precision_score(truth, guess, average=average))
    assert mine["recall"] == pytest.approx(metrics.recall_score(truth, guess, average=average))
    assert mine["F1"] == pytest.approx(metrics.f1_score(truth, guess, average=average))
    if classes == 2:
        assert mine["Brier"] == pytest.approx(metrics.brier_score_loss(truth, chances[:, 1]))
        assert _area(truth, chances)[0] == pytest.approx(metrics.roc_auc_score(truth, chances[:, 1]))
    else:
        assert _area(truth, chances)[0] == pytest.approx(metrics.roc_auc_score(truth, chances, multi_class="ovr"))


def test_the_calibration_error_is_small_for_true_chances_and_large_for_boasts() -> None:
    random = np.random.default_rng(0)
    chance = random.random(20_000)
    truth = (random.random(20_000) < chance).astype(np.int64)
    assert _metrics(truth, np.stack([1 - chance, chance], axis=1))["calibration error"] < 0.015
    boast = np.where(chance > 0.5, 0.99, 0.01)
    assert _metrics(truth, np.stack([1 - boast, boast], axis=1))["calibration error"] == pytest.approx(0.24, abs=0.02)
    curve = _calibration(truth, np.stack([1 - chance, chance], axis=1))
    assert len(curve["share"]) == 10
    assert sum(curve["share"]) == pytest.approx(1.0)


@pytest.mark.parametrize("most", [1, 3])
def test_clean_data_lose_nothing(compare, most: int) -> None:
    scores = []
    for seed in range(8):
        data = compare(seed, 700, most)
        scores.append((task_score(data, TASK, seed=seed), every_column(data, seed=seed)))
    for mine in zip(*scores, strict=True):
        assert sum(score.interval[0] <= 0 <= score.interval[1] for score in mine) >= 6
        assert abs(np.mean([score.value for score in mine])) < 0.015


def test_a_shuffled_target_teaches_nothing(compare) -> None:
    data = compare(0, 1500)
    outcome = data.synthetic.frame["outcome"].sample(frac=1, random_state=0).to_numpy()
    useless = replace(data, synthetic=replace(data.synthetic, frame=data.synthetic.frame.assign(outcome=outcome)))
    score = task_score(useless, TASK, seed=0)
    assert score.interval[0] > 0.05
    assert score.detail["metrics"]["AUC"][1] == pytest.approx(0.5, abs=0.1)


def test_several_positive_values_form_one_class(compare) -> None:
    data = compare(0, 700)
    score = task_score(data, replace(TASK, positive=("again", "died")), seed=0)
    assert score.detail["classes"] == ["others", "again or died"]
    parts = {part: getattr(data, part) for part in ("train", "holdout", "synthetic")}
    merged = replace(
        data,
        **{
            name: replace(p, frame=p.frame.assign(outcome=p.frame["outcome"].replace({"died": "again"})))
            for name, p in parts.items()
        },
    )
    assert score.detail["metrics"] == task_score(merged, TASK, seed=0).detail["metrics"]


def test_without_positive_values_every_value_is_a_class(compare) -> None:
    score = task_score(compare(0, 700), replace(TASK, positive=None), seed=0)
    assert sorted(score.detail["classes"]) == ["again", "died", "home"]


@pytest.mark.parametrize("positive", [None, ("again",)])
@pytest.mark.parametrize("part", ["train", "holdout"])
@pytest.mark.parametrize("value", ["again", None])
def test_a_target_without_two_classes_is_refused_in_one_line(compare, positive, part: str, value) -> None:
    data = compare(0, 100)
    units = getattr(data, part)
    constant = replace(units, frame=units.frame.assign(outcome=value))
    with pytest.raises(NotMeasurable, match=rf"no two classes of 'outcome' in the {part} part; ") as error:
        task_score(replace(data, **{part: constant}), replace(TASK, positive=positive), seed=0)
    assert "\n" not in str(error.value)


def test_a_synthetic_target_of_one_class_is_a_loss_and_no_error(compare) -> None:
    data = compare(0, 700)
    constant = replace(data.synthetic, frame=data.synthetic.frame.assign(outcome="home"))
    assert task_score(replace(data, synthetic=constant), TASK, seed=0).detail["metrics"]["AUC"][1] == 0.5


def test_unknown_features_are_refused(compare) -> None:
    with pytest.raises(ConfigurationError, match="features weight are not among age, ward, days, outcome"):
        task_score(compare(0, 100), replace(TASK, features=("weight",)), seed=0)


def test_functions_of_other_columns_and_rare_values_are_no_targets(compare) -> None:
    data = compare(0, 300)
    parts = {part: getattr(data, part) for part in ("train", "holdout", "synthetic")}
    dull = {name: replace(p, frame=p.frame.assign(days=1.0)) for name, p in parts.items()}
    score = every_column(replace(data, **dull), seed=0, excluded=frozenset({"age"}))
    assert set(score.detail["columns"]) == {"ward", "outcome"}
    assert score.detail["skipped"]["age"] == "is a function of other columns"
    assert "rarer class" in score.detail["skipped"]["days"]
