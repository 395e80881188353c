"""Agreement scores over many draws of one population, and exact values on tables made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evaluation.fidelity.column_agreement import column_agreement
from evaluation.fidelity.correlation import correlation_difference
from evaluation.fidelity.missingness import missingness_difference
from evaluation.fidelity.pair_agreement import pair_agreement
from evaluation.fidelity.rows_per_unit import rows_per_unit_agreement


@pytest.mark.parametrize("measure", [column_agreement, pair_agreement, correlation_difference, missingness_difference])
def test_over_many_draws_the_score_is_the_baseline(compare, measure) -> None:
    scores = [measure(compare(seed, 1000, 2), seed=seed) for seed in range(8)]
    differences = np.array([score.value - score.baseline for score in scores])
    assert abs(differences.mean()) < 0.01
    assert all(low <= score.value <= high for score in scores for low, high in [score.interval])


@pytest.mark.parametrize(
    ("measure", "perfect"), [(column_agreement, 1), (pair_agreement, 1), (correlation_difference, 0)]
)
def test_train_itself_agrees_perfectly(compare, measure, perfect: int) -> None:
    data = compare(0, 500, 2)
    score = measure(replace(data, synthetic=data.train), seed=0)
    assert score.value == pytest.approx(perfect)
    assert score.interval == pytest.approx((perfect, perfect))


def test_the_share_of_missing_values_is_measured_exactly(compare) -> None:
    data = compare(0, 400)
    ward = data.train.frame["ward"].fillna("surgery")
    whole = replace(data.train, frame=data.train.frame.assign(ward=ward))
    holed = replace(data.train, frame=data.train.frame.assign(ward=ward.mask(np.arange(400) % 4 == 0)))
    score = missingness_difference(replace(data, train=whole, synthetic=holed), seed=0)
    assert score.value == pytest.approx(0.25)
    assert score.detail["columns"]["ward"] == pytest.approx({"real": 0.0, "synthetic": 0.25})


def test_without_missing_values_the_difference_is_zero(compare) -> None:
    data = compare(0, 400)
    parts = {part: getattr(data, part) for part in ("train", "holdout", "synthetic")}
    whole = {n: replace(p, frame=p.frame.assign(ward=p.frame["ward"].fillna("surgery"))) for n, p in parts.items()}
    score = missingness_difference(replace(data, **whole), seed=0)
    assert (score.value, score.interval, score.baseline) == (0.0, (0.0, 0.0), 0.0)


def test_rows_per_unit_are_compared_exactly_and_twenty_rows_count_as_many(compare, stays) -> None:
    data = compare(0, 400, 3)
    one = replace(data, train=stays(400, 1), synthetic=stays(400, 2))
    assert rows_per_unit_agreement(one, seed=0).value == 1.0
    assert rows_per_unit_agreement(replace(one, synthetic=data.synthetic), seed=0).interval[1] < 0.5
    crowded = rows_per_unit_agreement(replace(data, synthetic=stays(100, 3, 60)), seed=0)
    assert crowded.detail["labels"][-1] == "20+"
    assert sum(crowded.detail["synthetic"]) == pytest.approx(1.0)
