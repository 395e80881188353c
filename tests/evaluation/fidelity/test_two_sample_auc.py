"""Two-sample AUC: what it must not see, and what it must."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evaluation.fidelity.two_sample import two_sample_auc


@pytest.mark.parametrize("most", [1, 3])
def test_samples_of_one_population_are_not_told_apart(compare, most: int) -> None:
    scores = [two_sample_auc(compare(seed, 500, most), seed=seed) for seed in range(10)]
    assert sum(score.interval[0] <= 0.5 <= score.interval[1] for score in scores) >= 7
    assert np.mean([score.value for score in scores]) == pytest.approx(0.5, abs=0.025)


def test_few_synthetic_rows_meet_a_sample_of_all_holdout_rows(compare) -> None:
    """Holdout units in the order of a value: the first of them are no sample."""
    data = compare(0, 2500)
    order = np.argsort(data.holdout.frame["age"].to_numpy(dtype=float), kind="stable")
    few = replace(data, holdout=data.holdout.take(order), synthetic=data.synthetic.take(np.arange(500)))
    assert two_sample_auc(few, seed=0).value < 0.56


def test_a_shifted_column_is_noticed_and_named(compare) -> None:
    data = compare(0, 1000)
    frame = data.synthetic.frame.assign(days=data.synthetic.frame["days"] + 3)
    score = two_sample_auc(replace(data, synthetic=replace(data.synthetic, frame=frame)), seed=0)
    assert score.interval[0] > 0.8
    assert score.detail["importance"][0][0] == "days"
    assert {name for name, _ in score.detail["importance"]} == set(data.names)
    intervals = score.detail["importance_intervals"]
    assert intervals["days"][0] > 0.2
    assert all(low <= value <= high for (name, value) in score.detail["importance"] for low, high in [intervals[name]])


@pytest.mark.parametrize("most", [1, 3])
def test_no_column_matters_among_samples_of_one_population(compare, most: int) -> None:
    """Four columns in eight draws, at 95 %: more than six that miss zero have a chance below one percent."""
    missed, mean = 0, []
    for seed in range(8):
        detail = two_sample_auc(compare(seed, 500, most), seed=seed).detail
        missed += sum(not low <= 0 <= high for low, high in detail["importance_intervals"].values())
        mean += [value for _, value in detail["importance"]]
    assert missed <= 6
    assert np.mean(mean) == pytest.approx(0.0, abs=0.02)


def test_the_columns_that_were_torn_from_the_others_are_named(compare) -> None:
    """Each column alone is right: only together with the others does it give the rows away."""
    data = compare(0, 1500)
    frame = data.synthetic.frame
    torn = frame.assign(days=frame["days"].iloc[np.random.default_rng(0).permutation(len(frame))].to_numpy())
    score = two_sample_auc(replace(data, synthetic=replace(data.synthetic, frame=torn)), seed=0)
    assert score.detail["importance_intervals"]["days"][0] > 0
